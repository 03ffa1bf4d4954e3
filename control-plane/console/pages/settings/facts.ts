import type { Settings } from '#protocol';
import { texts } from '../../texts/index.ts';

const words = texts.settings.configuration;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export interface Fact {
  readonly label: string;
  readonly value: string | { readonly at: number };
}

export interface FactGroup {
  readonly title: string;
  readonly facts: readonly Fact[];
}

/** The configuration in words, sorted by what it is about. */
export function factsOf(settings: Settings): readonly FactGroup[] {
  const { passwordPolicy, retention, consoleSessions } = settings;
  return [
    { title: words.groups.service, facts: serviceFacts(settings) },
    { title: words.groups.trust, facts: trustFacts(settings) },
    {
      title: words.groups.passwords,
      facts: [
        { label: words.charsMin, value: String(passwordPolicy.charsMin) },
        { label: words.classesMin, value: String(passwordPolicy.classesMin) },
      ],
    },
    { title: words.groups.limits, facts: limitFacts(settings) },
    {
      title: words.groups.retention,
      facts: [
        { label: words.resets, value: daysOf(retention.resetsDays) },
        { label: words.audit, value: daysOf(retention.auditDays) },
        { label: words.idle, value: words.minutes(consoleSessions.idleMs / MINUTE_MS) },
        { label: words.age, value: words.hours(consoleSessions.ageMs / HOUR_MS) },
      ],
    },
  ];
}

function serviceFacts(settings: Settings): readonly Fact[] {
  const { version, publicUrl, listen, metricsListen, trustProxy, logLevel } = settings;
  const named = typeof trustProxy === 'boolean' ? null : trustProxy.join(', ');
  return [
    { label: words.version, value: version },
    { label: words.publicUrl, value: publicUrl },
    { label: words.listen, value: listen },
    { label: words.metricsListen, value: metricsListen ?? words.metricsHere },
    { label: words.trustProxy, value: named ?? (trustProxy === true ? words.everybody : words.nobody) },
    { label: words.logLevel, value: logLevel },
  ];
}

function trustFacts({ dataDir, keysDir, certificate, keySetVersion }: Settings): readonly Fact[] {
  return [
    { label: words.dataDir, value: dataDir },
    { label: words.keysDir, value: keysDir },
    { label: words.keySet, value: texts.settings.projects.version(keySetVersion) },
    { label: words.certificate, value: words.from[certificate.from] },
    { label: words.certificateEnd, value: { at: certificate.endsAt } },
    { label: words.rotating, value: certificate.rotating ? words.stillBelieved : words.notRotating },
  ];
}

function limitFacts({ rateLimits, unprovenSockets }: Settings): readonly Fact[] {
  const rate = (label: string, { burst, perSecond }: Settings['rateLimits']['reset']): Fact => ({
    label,
    value: words.rate(burst, perSecond),
  });
  return [
    rate(words.enrolment, rateLimits.enrolment),
    rate(words.failedAuthentication, rateLimits.failedAuthentication),
    rate(words.reset, rateLimits.reset),
    rate(words.signIn, rateLimits.signIn),
    { label: words.sockets, value: words.socketsOf(unprovenSockets.total, unprovenSockets.perAddress) },
  ];
}

function daysOf(days: number | null): string {
  return days === null ? words.forEver : words.days(days);
}
