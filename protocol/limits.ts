/** Every limit of the wire in one place, each with its unit in its name. */

/** The largest frame either side accepts once a session is proven. */
export const FRAME_BYTES_MAX = 256 * 1024;
/** The largest frame accepted from a peer that has proven nothing yet: room for a proof with every generation. */
export const UNPROVEN_FRAME_BYTES_MAX = 96 * 1024;
/** From the open socket to the proven session. */
export const HANDSHAKE_MS_MAX = 10_000;

/**
 * How often the control plane asks an agent to show that it is alive. With the deadline, and the time it takes to write
 * down what that means, a frozen agent is known within 15 s.
 */
export const LIVENESS_INTERVAL_MS = 9_000;
/** How long the agent has to echo a liveness challenge. */
export const LIVENESS_DEADLINE_MS = 5_000;
/** An agent that hears nothing for this long takes its connection for dead. */
export const SERVER_SILENCE_MS_MAX = 25_000;

/** Reconnecting: the delay is uniform between zero and a bound that doubles from the first to the second figure. */
export const BACKOFF_BASE_MS = 500;
export const BACKOFF_CAP_MS = 60_000;

/** The longest an order may live after it was signed, counted by monotonic time within its session. */
export const ORDER_LIFETIME_MS_MAX = 10 * 60_000;
/** A clock that differs from the control plane's by more than this is reported as a component of health. */
export const CLOCK_SKEW_MS_MAX = 5 * 60_000;

/** The largest text that is signed: in base64url it leaves room in a frame for what goes with it. */
export const SIGNED_BYTES_MAX = 190 * 1024;
/** How many keys a key set may name, the revoked ones included. */
export const KEY_SET_KEYS_MAX = 64;
/** How many TLS authorities a key set may name, and how large their certificates may be, in DER. */
export const AUTHORITIES_MAX = 4;
export const AUTHORITY_BYTES_MAX = 4 * 1024;
/** The largest script of the catalogue. */
export const SCRIPT_BYTES_MAX = 64 * 1024;
/** The largest archive of a release: a runtime, the agent, and what it loads. */
export const RELEASE_BYTES_MAX = 256 * 1024 * 1024;
/** How many (account, generation) pairs an agent may report. */
export const GENERATIONS_MAX = 1_000;
/**
 * The highest generation on the wire. Nobody gets there by resets; what an agent claims has room for successors above it
 * all the same, in every store: past 2^53 a number that was written could not be read again.
 */
export const GENERATION_MAX = 2 ** 40;
/**
 * How far an order may be ahead of the last one that was applied. Who steals the order key for a day could otherwise use
 * up all generations of an account, and it could never be reset again.
 */
export const GENERATION_STEP_MAX = 1_000_000;

/** A sealing key is replaced after this long; its certificate ends a little later, so that a late client still fits. */
export const SEALING_KEY_ROTATION_MS = 30 * 24 * 3_600_000;
export const SEALING_KEY_LIFETIME_MS = 45 * 24 * 3_600_000;

/** Passwords are padded to this many bytes (one of them the length), so that their length does not show. */
export const SEALED_PLAINTEXT_BYTES = 64;
/** How far ahead a client may set the moment after which its sealed password must not be applied any more. */
export const RESET_LIFETIME_MS_MAX = 30 * 24 * 3_600_000;
/** What clients set for an online reset when the operator says nothing. */
export const ONLINE_RESET_LIFETIME_MS = 10 * 60_000;
/** How long the plan of a reset waits for its ciphertexts. */
export const PLAN_LIFETIME_MS = 15 * 60_000;

/** The largest REST body. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** How many sealed passwords one request of a reset may carry; more go in further chunks. */
export const SEALED_PASSWORDS_PER_CHUNK_MAX = 2_000;
/** How many instances one reset may name. */
export const TARGETS_MAX = 10_000;
/** How many tasks of one reset may be with their instances at once: when nobody says, and at the most. */
export const RESET_CONCURRENCY_DEFAULT = 50;
export const RESET_CONCURRENCY_MAX = 1_000;
/** How many of the resets that retry another one are named with it. */
export const RETRIES_SHOWN_MAX = 20;
/** How many instances one request may add; all of them or none. */
export const INSTANCES_PER_IMPORT_MAX = 2_000;
/** How many rows one page of a listing holds at the most. */
export const PAGE_ROWS_MAX = 1_000;

/** How long tokens may live, and how many instances may join with one. */
export const API_TOKEN_LIFETIME_MS_MAX = 400 * 24 * 3_600_000;
export const JOIN_TOKEN_LIFETIME_MS_MAX = 7 * 24 * 3_600_000;
export const TOKEN_LIFETIME_MS_MIN = 60_000;
export const JOIN_TOKEN_USES_MAX = 10_000;

/** A session of the web console ends when nobody has used it for so long, and in any case after so long. */
export const CONSOLE_SESSION_IDLE_MS_MAX = 30 * 60_000;
export const CONSOLE_SESSION_AGE_MS_MAX = 12 * 3_600_000;

/** Text that a peer says about itself. */
export const CLAIM_CHARS_MAX = 200;
export const DETAIL_CHARS_MAX = 300;
export const TAGS_MAX = 50;
