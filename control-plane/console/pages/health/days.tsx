import './days.css';
import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { DayOfResets } from '#protocol';
import { texts } from '../../texts/index.ts';
import { figure } from '../../texts/words.ts';

const words = texts.health;

const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', timeZone: 'UTC' });
/** From the ground up. */
const PARTS = ['succeeded', 'failed', 'unknown'] as const;

interface Properties {
  readonly days: readonly DayOfResets[];
}

/**
 * How many resets came to which end, day by day: bars, and the same as a table. The charts of the system would be a
 * twelfth of all that the first page loads.
 */
export function Days({ days }: Properties) {
  return (
    <div className="days">
      <SpaceBetween size="xs">
        <Bars days={days} />
        <ul className="days-legend">
          {PARTS.map((part) => (
            <li key={part}>
              <span className={`days-mark days-${part}`} />
              {words[part]}
            </li>
          ))}
        </ul>
        <ExpandableSection headerText={words.asTable}>
          <Figures days={days} />
        </ExpandableSection>
      </SpaceBetween>
    </div>
  );
}

function Bars({ days }: Properties) {
  const highest = Math.max(1, ...days.map(totalOf));
  const [first, last] = [days[0], days.at(-1)];
  return (
    <div className="days-plot" role="img" aria-label={words.bars}>
      <div className="days-scale">
        <Box variant="small">{figure(highest)}</Box>
        <Box variant="small">0</Box>
      </div>
      <div className="days-bars">
        {days.map((day) => (
          <div key={day.day} className="days-bar" title={sentenceOf(day)}>
            {PARTS.map(
              (part) =>
                day[part] > 0 && (
                  <span key={part} className={`days-${part}`} style={{ height: `${(100 * day[part]) / highest}%` }} />
                ),
            )}
          </div>
        ))}
      </div>
      <div className="days-ends">
        <Box variant="small">{first !== undefined && DAY.format(first.day)}</Box>
        <Box variant="small">{last !== undefined && DAY.format(last.day)}</Box>
      </div>
    </div>
  );
}

function Figures({ days }: Properties) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{words.day}</th>
          {PARTS.map((part) => (
            <th key={part} scope="col">
              {words[part]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {days.map((day) => (
          <tr key={day.day}>
            <th scope="row">{DAY.format(day.day)}</th>
            {PARTS.map((part) => (
              <td key={part}>{figure(day[part])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function totalOf({ succeeded, failed, unknown }: DayOfResets): number {
  return succeeded + failed + unknown;
}

function sentenceOf(day: DayOfResets): string {
  return words.dayOf(
    DAY.format(day.day),
    PARTS.map((part) => `${words[part]}: ${figure(day[part])}`),
  );
}
