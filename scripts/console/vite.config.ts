import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const source = fileURLToPath(new URL('../../control-plane/console', import.meta.url));
const outDir = fileURLToPath(new URL('../../.cache/console', import.meta.url));

/** Beside each file the same compressed as far as it goes, so that the control plane compresses nothing. */
function compress(): Plugin {
  return {
    name: 'compress',
    // And not when the bundle is closed, which it is after a failure, too: what fails then would hide the reason.
    writeBundle() {
      for (const name of readdirSync(outDir, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(html|js|css|svg)$/.test(name)) continue;
        const bytes = readFileSync(join(outDir, name));
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(join(outDir, `${name}.br`), brotliCompressSync(bytes, { params }));
      }
    },
  };
}

/** The system's fonts do: those that come along would be half of what a page loads, and as data: URLs at that. */
function withoutFonts(): Plugin {
  return {
    name: 'without-fonts',
    enforce: 'pre',
    transform(code, id) {
      return id.endsWith('global-styles/index.css') ? code.replaceAll(/@font-face\s*\{[^}]*\}/g, '') : null;
    },
  };
}

/** Parts of Cloudscape that no page has, and that say more than many that one has. */
const UNUSED = [
  'annotation-context',
  'attribute-editor',
  'calendar',
  'code-editor',
  'date-picker',
  'date-range-picker',
  'pie-chart',
  'prompt-input',
  's3-resource-selector',
  'tag-editor',
  'tutorial-panel',
  'wizard',
];

/** What those parts say comes in one file with what all others do, which the first page loads. */
function withoutUnusedWords(): Plugin {
  const part = new RegExp(`design/components/(${UNUSED.join('|')})/index\\.js$`);
  return {
    name: 'without-unused-words',
    transform(code, id) {
      const used = part.exec(id)?.[1];
      if (used !== undefined) this.error(`${used} is used now: take it out of the list of what is not.`);
      if (!id.endsWith('components/i18n/messages/all.en.js')) return null;
      const json = code.slice(code.indexOf('{'), code.lastIndexOf('}') + 1);
      const messages = JSON.parse(json, (key, value: unknown) => (UNUSED.includes(key) ? undefined : value)) as unknown;
      return `export default ${JSON.stringify(messages)};`;
    },
  };
}

/**
 * Which theme is on is asked by each indicator and button each time it is drawn, and answered by a search of the whole
 * page: for nothing, as none but the usual one is, and a page may have seventy thousand elements. It stands on the body.
 */
function themesOnTheBody(): Plugin {
  const search = /!!document\.querySelector\(`\.\$\{themeDefinitions\[theme\]\.className\}`\)/;
  return {
    name: 'themes-on-the-body',
    transform(code, id) {
      if (!id.endsWith('/mjs/internal/visual-mode/index.js')) return null;
      const told = code.replace(search, 'document.body.classList.contains(themeDefinitions[theme].className)');
      if (told === code) this.error('Cloudscape looks for its theme in another way now.');
      return told;
    },
  };
}

/** `npm run build:console`: pages that the control plane serves by itself, below `/console`. */
export default defineConfig({
  root: source,
  base: '/console/',
  plugins: [withoutFonts(), withoutUnusedWords(), themesOnTheBody(), compress()],
  resolve: {
    alias: [
      // What seals passwords looks for this module of Node's where there is no WebCrypto; every browser has it.
      { find: 'crypto', replacement: join(source, 'parts/no-node-crypto.ts') },
      // Lists that are sorted by dragging, which none of ours is, would be a thirtieth of the first page.
      { find: /^\.\.\/internal\/components\/sortable-area$/, replacement: join(source, 'parts/no-sorting.ts') },
      // Figures for somebody who collects them: each table and button asks where it is on the page to take them.
      {
        find: /^\.\.\/internal\/hooks\/use-performance-marks$/,
        replacement: join(source, 'parts/no-performance-marks.ts'),
      },
      // Whether the styles are there: asked by each component of each row, with a timer, and with an error when it goes.
      { find: /^\.\/styles-check$/, replacement: join(source, 'parts/no-styles-check.ts') },
    ],
  },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2024',
    // A polyfill would be a script in the page, which its policy forbids; browsers that know the target need none.
    modulePreload: { polyfill: false },
    // No data: URLs, so that the policy can name the own origin alone.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: {
      // Its modules only define: a page need not load what it does not name, above all not what seals passwords.
      treeshake: { moduleSideEffects: [{ test: /\/protocol\/|node_modules\/@hpke\//, sideEffects: false }] },
      // "use client" speaks to servers that render; there is none here. What takes longest is to compress, on purpose.
      checks: { moduleLevelDirective: false, bundlerTimings: false },
      output: {
        // Beside what it sets, so that it is set before any chunk makes a schema.
        codeSplitting: { groups: [{ name: 'schemas', test: /console\/no-eval\.ts$|node_modules\/zod\// }] },
      },
    },
  },
});
