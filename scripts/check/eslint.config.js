// ESLint takes paths in this file from the directory it runs in, the top of the repository.
import { fileURLToPath } from 'node:url';

import prettier from 'eslint-config-prettier/flat';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const tests = ['test/**/*.ts'];

/** Decisions: state machines, health rules, policies. */
const pure = ['control-plane/server/domain/**/*.ts', 'agent/domain/**/*.ts'];

const impureMessage = 'A decision is a function of its arguments: have the caller pass this in.';

export default defineConfig(
  globalIgnores(['**/node_modules/', '.cache/', '**/dist/']),
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: fileURLToPath(new URL('../..', import.meta.url)) },
    },
    rules: {
      // Sizes that a reader can hold in mind.
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],

      // A new member of a union must be met in every switch; a `default` may assert that none is left (`satisfies
      // never`), not swallow them.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: false }],

      // A lost promise is a lost error.
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],

      // Output belongs to the logger, which redacts, or to a command line, which knows whether it talks to a person.
      'no-console': 'error',

      // The compiler and Vitest resolve these, Node does not.
      'no-restricted-syntax': [
        'error',
        {
          selector:
            ':matches(ImportDeclaration, ExportAllDeclaration, ExportNamedDeclaration)[source.value=/^\\..*\\.js$/]',
          message: 'Name the file as it is on disk, with its .ts: nothing is compiled.',
        },
      ],

      eqeqeq: 'error',
      'no-implicit-coercion': ['error', { boolean: false }],
      'no-param-reassign': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-unreachable-loop': 'error',
      'no-unsafe-finally': 'error',
      'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
      'no-cond-assign': ['error', 'always'],
      'no-misleading-character-class': 'error',
      'no-useless-rename': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',

      // Numbers print as everyone expects.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // By code point is how text is measured and compared here.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      // `() => close()` is a common and clear shorthand.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // An adapter over something synchronous keeps the asynchronous signature of its port.
      '@typescript-eslint/require-await': 'off',
      // Both spellings are right: `type` for schemas' twins and unions, `interface` for ports.
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    // Where a person reads what the program says.
    files: ['**/main.ts', 'control-plane/cli/**/*.ts', 'scripts/**/*.{js,ts}', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: pure,
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'process',
          'performance',
          'crypto',
          'fetch',
          'setTimeout',
          'setInterval',
          'setImmediate',
          'queueMicrotask',
        ].map((name) => ({ name, message: impureMessage })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: impureMessage },
        { object: 'Math', property: 'random', message: impureMessage },
        { object: 'globalThis', message: impureMessage },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: impureMessage },
      ],
    },
  },
  {
    // The one place that opens a seal is the agent's own crypto: whatever else could, could see a password.
    files: ['control-plane/**/*.ts', 'agent/**/*.ts'],
    ignores: ['agent/node/crypto.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              // Not a glob: there, `#` starts a comment.
              regex: '^#protocol|/protocol/',
              importNames: ['unsealPassword'],
              message:
                'Only the instance opens a sealed password, through the port of its agent (agent/node/crypto.ts). The control plane has no code path that sees one.',
            },
          ],
        },
      ],
    },
  },
  {
    files: tests,
    rules: {
      // A suite is one function that holds many.
      'max-lines-per-function': 'off',
      // In a test, a wrong assumption is meant to throw.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // A declaration has no other way to name a file that is not a module.
    files: ['**/*.d.ts'],
    rules: { '@typescript-eslint/triple-slash-reference': 'off' },
  },
  {
    // Configurations are checked by the compiler; the rules that need types add nothing there.
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
  },
  prettier,
);
