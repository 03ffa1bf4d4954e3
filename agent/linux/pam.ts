/**
 * libpam, libcrypt and prctl by FFI. Loaded in the verification helper only, never in the agent: PAM modules are
 * foreign code and end with the process.
 */
import koffi from 'koffi';

/** Values of <security/_pam_types.h>. */
export const PAM = {
  success: 0,
  conversationError: 19,
  silent: 0x8000,
  userItem: 2,
  failDelayItem: 10,
  promptHidden: 1,
  promptVisible: 2,
} as const;

export interface PamRun {
  /** Return code of pam_authenticate; null where it was not asked. */
  authenticate: number | null;
  /** Return code of pam_acct_mgmt; null where authentication did not succeed. */
  account: number | null;
  /** Hidden prompts, the answered first one included. */
  hiddenPrompts: number;
  visiblePrompts: number;
}

const PR_SET_DUMPABLE = 4;

/** Keeps this process out of core dumps and away from other processes' debuggers. */
export function forbidDumps(): void {
  koffi.load('libc.so.6').func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)')(
    PR_SET_DUMPABLE,
    0,
    0,
    0,
    0,
  );
}

export interface PamTransaction {
  /**
   * One authentication and, if it succeeds, one account check. No session, no credentials, no password change.
   * Only the first hidden prompt is answered; the next prompt of any kind ends the conversation. Ends the transaction.
   * `password` ends with a NUL byte.
   */
  authenticate(account: string, password: Buffer): PamRun;
}

/** Reads the service's configuration and loads its modules, ahead of knowing for whom. */
export function openPam(service: string): PamTransaction {
  const run: PamRun = { authenticate: null, account: null, hiddenPrompts: 0, visiblePrompts: 0 };
  const secret: { password: Buffer } = { password: Buffer.alloc(1) };
  const pam = loadPam();
  const converse = koffi.register(createConversation(loadLibc(), secret, run), koffi.pointer(pam.Converse));
  // Without this a refusal sleeps for seconds inside pam_authenticate.
  const noDelay = koffi.register(() => undefined, koffi.pointer(pam.Delay));
  const handle: unknown[] = [null];
  const started = pam.start(service, null, { conv: converse, appdata_ptr: null }, handle);
  if (started !== PAM.success) throw new Error(`pam_start says ${started}`);
  pam.setItem(handle[0], PAM.failDelayItem, noDelay);
  return {
    authenticate(account, password) {
      secret.password = password;
      pam.setItem(handle[0], PAM.userItem, Buffer.from(`${account}\0`));
      run.authenticate = pam.authenticate(handle[0], PAM.silent);
      if (run.authenticate === PAM.success) run.account = pam.acctMgmt(handle[0], PAM.silent);
      pam.end(handle[0], run.account ?? run.authenticate);
      return run;
    },
  };
}

/** True where `hash` is what crypt(3) makes of the password; null where this system's crypt does not know the method. */
export function passwordMatchesHash(hash: string, password: Buffer): boolean | null {
  const made = loadCrypt()(password, hash);
  if (made === null || made === '' || made.startsWith('*')) return null;
  return made === hash;
}

type Pointer = unknown;

function loadPam() {
  const lib = koffi.load('libpam.so.0');
  const Converse = koffi.proto('int LatchkeyConverse(int, void *, _Out_ void *, void *)');
  const Delay = koffi.proto('void LatchkeyDelay(int, unsigned int, void *)');
  koffi.struct('LatchkeyConversation', { conv: koffi.pointer(Converse), appdata_ptr: 'void *' });
  return {
    Converse,
    Delay,
    start: lib.func('int pam_start(const char *, const char *, LatchkeyConversation *, _Out_ void **)') as (
      service: string,
      user: string | null,
      conversation: object,
      handle: unknown[],
    ) => number,
    setItem: lib.func('int pam_set_item(void *, int, const void *)') as (
      handle: Pointer,
      item: number,
      value: Pointer,
    ) => number,
    authenticate: lib.func('int pam_authenticate(void *, int)') as (handle: Pointer, flags: number) => number,
    acctMgmt: lib.func('int pam_acct_mgmt(void *, int)') as (handle: Pointer, flags: number) => number,
    end: lib.func('int pam_end(void *, int)') as (handle: Pointer, status: number) => number,
  };
}

function loadLibc() {
  const lib = koffi.load('libc.so.6');
  return {
    calloc: lib.func('void *calloc(size_t, size_t)') as (count: number, size: number) => Pointer,
    memcpy: lib.func('void *memcpy(void *, const void *, size_t)') as (
      to: Pointer,
      from: Buffer,
      bytes: number,
    ) => Pointer,
  };
}

function loadCrypt(): (password: Buffer, hash: string) => string | null {
  for (const name of ['libcrypt.so.1', 'libcrypt.so.2']) {
    try {
      return koffi.load(name).func('const char *crypt(const void *, const char *)') as (
        password: Buffer,
        hash: string,
      ) => string | null;
    } catch {
      // The other name, then.
    }
  }
  throw new Error('libcrypt is not on this system');
}

const POINTER_BYTES = koffi.sizeof('void *');
/** struct pam_response { char *resp; int resp_retcode; }, padded. */
const RESPONSE_BYTES = 2 * POINTER_BYTES;

/** PAM frees what it is answered with, so answers come from its own allocator. */
function createConversation(libc: ReturnType<typeof loadLibc>, secret: { password: Buffer }, run: PamRun) {
  return (count: number, messages: Pointer, responses: Pointer): number => {
    const styles: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const message = koffi.decode(messages, i * POINTER_BYTES, 'void *') as Pointer;
      styles.push(koffi.decode(message, 'int') as number);
    }
    for (const style of styles) {
      if (style === PAM.promptHidden) run.hiddenPrompts += 1;
      else if (style === PAM.promptVisible) run.visiblePrompts += 1;
    }
    const asks = styles.some((style) => style !== 3 && style !== 4); // neither an error nor an information text
    if (asks && (run.hiddenPrompts !== 1 || run.visiblePrompts !== 0)) return PAM.conversationError;
    const answers = libc.calloc(count, RESPONSE_BYTES);
    const at = styles.indexOf(PAM.promptHidden);
    if (at >= 0) {
      const copy = libc.calloc(secret.password.length, 1);
      libc.memcpy(copy, secret.password, secret.password.length);
      koffi.encode(answers, at * RESPONSE_BYTES, 'void *', copy);
    }
    koffi.encode(responses, 'void *', answers);
    return PAM.success;
  };
}
