import Alert from '@cloudscape-design/components/alert';
import { Component, type ReactNode } from 'react';

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
      <Alert type="error" header="This page has a defect.">
        Reload it; if it comes again, report it with these words: {error.message}
      </Alert>
    );
  }
}
