import Link from '@cloudscape-design/components/link';
import type { ReactNode } from 'react';
import { useLocation, useRouter } from 'wouter';

interface Props {
  /** Within the console; see `paths.ts`. */
  readonly to: string;
  readonly label?: string;
  /** Whether it is a number that stands for itself. */
  readonly isFigure?: boolean;
  /** For a dialog, which has to go as well: it may lead to the page on which it is open. */
  readonly onLeave?: () => void;
  readonly children: ReactNode;
}

/** A link within the console: a page is not loaded anew for it. */
export function PageLink({ to, label, isFigure = false, onLeave, children }: Props) {
  const [, navigate] = useLocation();
  const { base } = useRouter();
  return (
    <Link
      // Whole: whether a part of an address is safe, Cloudscape finds out by an error with its stack for each link.
      href={location.origin + base + to}
      {...(isFigure ? { variant: 'awsui-value-large' as const } : {})}
      {...(label === undefined ? {} : { ariaLabel: label })}
      onFollow={(event) => {
        event.preventDefault();
        onLeave?.();
        navigate(to);
      }}
    >
      {children}
    </Link>
  );
}
