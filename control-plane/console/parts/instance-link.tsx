import Link from '@cloudscape-design/components/link';
import { useLocation, useRouter } from 'wouter';

/** Where the page of an instance is, within the console. */
export function instancePath(name: string): string {
  return `/instances/${encodeURIComponent(name)}`;
}

/** The name of an instance, which leads to its page. */
export function InstanceLink({ name }: { readonly name: string }) {
  return (
    <PageLink to={instancePath(name)}>
      <bdi>{name}</bdi>
    </PageLink>
  );
}

interface LinkProperties {
  readonly to: string;
  readonly label?: string;
  /** Whether it is a number that stands for itself. */
  readonly isFigure?: boolean;
  readonly children: React.ReactNode;
}

/** A link within the console: a page is not loaded anew for it. */
export function PageLink(props: LinkProperties) {
  const [, navigate] = useLocation();
  const { base } = useRouter();
  return (
    <Link
      href={base + props.to}
      {...(props.isFigure === true ? { variant: 'awsui-value-large' as const } : {})}
      {...(props.label === undefined ? {} : { ariaLabel: props.label })}
      onFollow={(event) => {
        event.preventDefault();
        navigate(props.to);
      }}
    >
      {props.children}
    </Link>
  );
}
