import { defineConfig } from 'vitest/config';

const engine = process.env['STOA_URL'] ?? 'http://127.0.0.1:8099';
const proxy = {
  ...Object.fromEntries(['/api', '/status', '/health', '/ready', '/openapi.json'].map((path) => [path, engine])),
  '/ws': { target: engine, ws: true },
};

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    // The gateway's policy forbids data: URLs and inline scripts, so every asset is a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  // `npm run dev` and `npx vite preview` show the page in front of a running engine, or of dev/fake.mjs.
  server: { proxy },
  preview: { proxy },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*_test.{ts,tsx}'],
  },
});
