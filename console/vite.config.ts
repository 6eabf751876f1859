import { defineConfig } from 'vite'

// `espy serve` answers index.html at / and everything else at /console/NAME-HASH.SUFFIX.  Its
// Content-Security-Policy takes scripts, styles and pictures from there alone, so nothing may be
// written into the page or into data: addresses.
export default defineConfig({
    base: '/console/',
    publicDir: false, // what lies there would have no hash in its name
    build: {
        target: 'es2022',
        outDir: 'dist',
        assetsDir: '',
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
    },
    server: {
        proxy: {
            '/v1': 'http://localhost:8000',
            '/api': 'http://localhost:8000',
        },
    },
})
