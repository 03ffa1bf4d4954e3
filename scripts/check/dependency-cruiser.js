// Who may import whom. Type-only imports count: a type that crosses a border is a dependency on what lies behind it.

/** @param {string} part */
const otherParts = (part) =>
  ['agent', 'control-plane/server', 'control-plane/cli', 'control-plane/console'].filter((other) => other !== part);

/**
 * What a part may import from npm, as a pattern; type packages count as what they describe.
 * @param {string[]} names
 */
const packagesExcept = (...names) => ({
  path: '(^|/)node_modules/',
  pathNot: `(^|/)node_modules/(@types/)?(${names.join('|')})(/|$)`,
});

/** @type {import('dependency-cruiser').DependencyType[]} */
const npm = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown'];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      // Files that need each other are one file in two places, and their order of evaluation is an accident.
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      // An import that resolves to nothing fails on the machine of a user, not here.
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      // What is not in package.json is there by luck of hoisting.
      name: 'no-undeclared-packages',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'undetermined'] },
    },
    {
      // Tests shape no product code, and are not shipped with it.
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      // Scripts build and check the parts; the parts run without them.
      name: 'no-part-imports-scripts',
      severity: 'error',
      from: { path: '^(protocol|agent|control-plane)/' },
      to: { path: '^scripts/' },
    },
    {
      // A release is installed without development dependencies. Types vanish before it runs.
      name: 'no-development-packages-in-parts',
      severity: 'error',
      from: { path: '^(protocol|agent|control-plane)/', pathNot: '^control-plane/console/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only', 'npm'],
        pathNot: '/node_modules/@types/|^node_modules/@types/',
      },
    },
    {
      // Everyone depends on the protocol; through a dependency of its own, everyone would depend on everyone.
      name: 'protocol-stands-alone',
      severity: 'error',
      from: { path: '^protocol/' },
      to: { path: '^(agent|control-plane|scripts|test)/' },
    },
    {
      // It runs in browsers, where there is no Node.
      name: 'protocol-needs-no-node',
      severity: 'error',
      from: { path: '^protocol/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      // Every package here is trusted with plaintext passwords, in the browser, in the command line and on the instance.
      name: 'protocol-packages',
      severity: 'error',
      from: { path: '^protocol/' },
      to: { dependencyTypes: npm, ...packagesExcept('zod', '@hpke/core') },
    },
    {
      // Every package here runs as root on every instance, and a fix to it is an update of the fleet.
      name: 'agent-packages',
      severity: 'error',
      from: { path: '^agent/' },
      to: { dependencyTypes: npm, ...packagesExcept('zod', 'ws', 'koffi', 'node') },
    },
    ...['agent', 'control-plane/server', 'control-plane/cli', 'control-plane/console'].map((part) => ({
      // They are different programs on different machines, of different versions, and agree through the protocol only.
      name: `${part.replace('control-plane/', '')}-knows-no-other-part`,
      severity: /** @type {const} */ ('error'),
      from: { path: `^${part}/` },
      to: { path: `^(${otherParts(part).join('|')}|control-plane/[^/]+$)` },
    })),
    {
      // Composition happens once, in main.ts, which composes the control plane. The agent is a program of its own.
      name: 'only-main-composes',
      severity: 'error',
      from: { path: '^control-plane/[^/]+$' },
      to: { path: '^agent/' },
    },
    {
      // As above: a second file beside main.ts that joins server and command line would be a second composition.
      name: 'only-main-joins-server-and-cli',
      severity: 'error',
      from: { path: '^control-plane/[^/]+$', pathNot: '^control-plane/main\\.ts$' },
      to: { path: '^control-plane/(server|cli|console)/' },
    },
    {
      // The package's index is its promise; what lies behind it may move.
      name: 'protocol-through-its-index',
      severity: 'error',
      from: { path: '^(agent|control-plane)/' },
      to: { path: '^protocol/', pathNot: '^protocol/index\\.ts$' },
    },
    {
      // What speaks with the control plane, and what sentences there are, knows nothing of what is built with it.
      name: 'console-foundations-know-nothing-above',
      severity: 'error',
      from: { path: '^control-plane/console/(api|texts)/' },
      to: { path: '^control-plane/console/', pathNot: '^control-plane/console/$1/' },
    },
    {
      // A page is loaded when it is first gone to: what it shares would come along with it for everybody else.
      name: 'console-parts-know-no-page',
      severity: 'error',
      from: { path: '^control-plane/console/parts/' },
      to: { path: '^control-plane/console/', pathNot: '^control-plane/console/(api|texts|parts)/' },
    },
    {
      // As above. What two pages need is a part.
      name: 'console-pages-know-no-other-page',
      severity: 'error',
      from: { path: '^control-plane/console/pages/([^/]+)/' },
      to: { path: '^control-plane/console/', pathNot: '^control-plane/console/((api|texts|parts)/|pages/$1/)' },
    },
    {
      // Decisions are decided by their arguments, so that a test can try all of them: no clock, socket, file, process.
      name: 'domain-is-pure',
      severity: 'error',
      from: { path: '^(control-plane/server|agent)/domain/' },
      // A checksum is decided by its argument as well.
      to: { pathNot: '^(protocol|$1/domain)/|^zlib$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    exclude: '^(\\.cache|dist)/',
    doNotFollow: '(^|/)node_modules/',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.d.ts', '.json'],
    },
  },
};
