import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { INSTALL_CODES } from '#protocol';
import { remedyOf } from '../../parts/remedy.ts';
import { texts } from '../../texts/index.ts';

const words = texts.install.help;
const ROWS = Object.entries(INSTALL_CODES).map(([code, { message, remedy }]) => ({
  code,
  message,
  remedy: remedyOf({ code, remedy }),
}));

/** Everything that an installation can stumble over, with its remedy. */
export function Help() {
  const { columns } = words;
  return (
    <ExpandableSection variant="container" headerText={words.title}>
      <SpaceBetween size="m">
        <div>
          <Box variant="strong">{words.nothing}</Box>
          <Box variant="p">{words.nothingHow}</Box>
        </div>
        <Table
          variant="embedded"
          items={ROWS}
          trackBy="code"
          wrapLines
          ariaLabels={{ tableLabel: words.title }}
          columnDefinitions={[
            { id: 'what', header: columns.what, minWidth: 180, cell: ({ message }) => message },
            { id: 'remedy', header: columns.remedy, minWidth: 180, cell: ({ remedy }) => remedy },
            { id: 'code', header: columns.code, isRowHeader: true, cell: ({ code }) => code },
          ]}
        />
      </SpaceBetween>
    </ExpandableSection>
  );
}
