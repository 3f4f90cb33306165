import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const web = decodeURI(new URL('../src/serambi/web/', import.meta.url).pathname);

export default defineConfig({
  plugins: [svelte()],
  resolve: { alias: { $words: `${web}words`, $shared: `${web}static` } },
  build: {
    outDir: `${web}built`,
    emptyOutDir: true,
    target: 'es2023',
    // The pages' policy allows no data: fonts, and a file of its own is kept for ever.
    assetsInlineLimit: 0,
    license: { fileName: 'licenses.md' },
    modulePreload: { polyfill: false },
  },
  server: {
    fs: { allow: ['.', web] },
    proxy: { '/api': { target: 'http://127.0.0.1:8800', ws: true } },
  },
  test: { include: ['src/**/*.test.ts'] },
});
