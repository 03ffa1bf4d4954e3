import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useRights } from '../../parts/rights.ts';
import { texts } from '../../texts/index.ts';
import { Configuration } from './configuration.tsx';
import { Projects } from './projects.tsx';

/** What the configuration says, and for which projects online reset is enabled. */
export default function SettingsPage() {
  const { changeService, addProjects, readSettings } = useRights();
  return (
    <ContentLayout header={<Header variant="h1">{texts.settings.title}</Header>}>
      <SpaceBetween size="l">
        <Projects mayChange={changeService} mayAdd={addProjects} />
        <Configuration mayRead={readSettings} />
      </SpaceBetween>
    </ContentLayout>
  );
}
