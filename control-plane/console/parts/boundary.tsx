import Alert from '@cloudscape-design/components/alert';
import { Component, type ReactNode } from 'react';
import { texts } from '../texts/index.ts';

/** Keeps a defect of one page from taking the others with it. */
export class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Alert type="error" header={texts.defect.title}>
        {texts.defect.how(error.message)}
      </Alert>
    );
  }
}
