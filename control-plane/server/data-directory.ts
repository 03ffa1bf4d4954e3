/** What lies in `--data`: the database, and what SQLite keeps beside it. Nothing in clear that a thief of a backup could use. */

export const DATABASE_FILE = 'latchkey.db';
/** Releases of the agent, which whoever installs checks by the key of their maker. */
export const RELEASES_DIRECTORY = 'releases';
