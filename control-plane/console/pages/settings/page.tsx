import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useSession } from '../../api/session.ts';
import { texts } from '../../texts/index.ts';
import { Configuration } from './configuration.tsx';
import { Projects } from './projects.tsx';

/** What the configuration says, and for which projects online reset is enabled. */
export default function SettingsPage() {
  const { role, projects } = useSession().signIn.holder;
  const isAdministrator = role === 'administrator';
  return (
    <ContentLayout header={<Header variant="h1">{texts.settings.title}</Header>}>
      <SpaceBetween size="l">
        <Projects mayChange={isAdministrator} mayAdd={isAdministrator && projects === null} />
        <Configuration mayRead={isAdministrator && projects === null} />
      </SpaceBetween>
    </ContentLayout>
  );
}
