// SPDX-License-Identifier: Apache-2.0
// What the browser's tests share: running them, the server, the browser, photos and recordings.
//
//   ESPY=build/espy node console/tests/smoke.mjs
//
// Exit status 77 and a line that says why: something that the test needs is not there.
export { axe, fps, launch, SIZES } from './browser.mjs'
export { faces, makeAudio, makeVideo, sounds } from './material.mjs'
export { after, folder, run, skip } from './run.mjs'
export { startServer, workspace } from './server.mjs'
