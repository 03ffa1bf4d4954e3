/** The tally of pam_faillock(8): who is shut out after too many wrong passwords. Pure. */

/** struct tally of pam_faillock's faillock.h: source[52], reserved u16, status u16, time u64. */
const RECORD_BYTES = 64;
const STATUS_OFFSET = 54;
const STATUS_VALID = 1;
const DENY_DEFAULT = 3;
export const FAILLOCK_DIRECTORY_DEFAULT = '/run/faillock';

/** Valid failures in a tally file. */
export function countFailures(tally: Buffer): number {
  let failures = 0;
  for (let at = 0; at + RECORD_BYTES <= tally.length; at += RECORD_BYTES) {
    if ((tally.readUInt16LE(at + STATUS_OFFSET) & STATUS_VALID) !== 0) failures += 1;
  }
  return failures;
}

export interface FaillockSettings {
  deny: number;
  directory: string;
}

/** Settings of /etc/security/faillock.conf, overruled by arguments in the service's PAM lines, as pam_faillock does. */
export function faillockSettings(conf: string, pamTexts: string[]): FaillockSettings {
  let settings: FaillockSettings = { deny: DENY_DEFAULT, directory: FAILLOCK_DIRECTORY_DEFAULT };
  const words = conf.split('\n').map((line) => line.replace(/#.*/, '').replaceAll(/\s+/g, ''));
  for (const text of pamTexts) {
    for (const line of text.split('\n')) if (/^[^#]*pam_faillock\.so/.test(line)) words.push(...line.split(/\s+/));
  }
  for (const word of words) {
    const deny = /^deny=(\d{1,6})$/.exec(word)?.[1];
    const directory = /^dir=(\/\S+)$/.exec(word)?.[1];
    if (deny !== undefined) settings = { ...settings, deny: Number(deny) };
    if (directory !== undefined) settings = { ...settings, directory };
  }
  // 0 switches the lock off.
  return settings.deny === 0 ? { ...settings, deny: Number.POSITIVE_INFINITY } : settings;
}
