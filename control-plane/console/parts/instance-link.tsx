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

/** A link within the console: a page is not loaded anew for it. */
export function PageLink(props: { readonly to: string; readonly label?: string; readonly children: React.ReactNode }) {
  const [, navigate] = useLocation();
  const { base } = useRouter();
  return (
    <Link
      href={base + props.to}
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
