// SPDX-License-Identifier: Apache-2.0
// Computes golden.json: what @vladmandic/face-api itself answers on its six sample pictures, the
// numbers that the `face-api` pack is tested against.  A maintainer's tool; see README.md here for
// the packages it wants and how to run it.
//
//   node make_golden.mjs MODULES OUT.json [--tensors DIR]
//
//   MODULES    a node_modules folder with @vladmandic/face-api and @tensorflow/tfjs
//   --tensors  also writes one raw run of every network (float32, little endian) for
//              models/convert/check_face_api.py
//
// TensorFlow.js runs on its plain JavaScript backend ("cpu"): slow, with no native code in between.
// Pixels come from libjpeg-turbo through `djpeg` (accurate DCT, smooth chroma upsampling), which is
// what espy decodes with, so that decoders do not enter the comparison.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const MIN_CONFIDENCE = 0.5;

function fail(text) {
  console.error(`make_golden: ${text}`);
  process.exit(1);
}

// A binary PPM ("P6 width height 255" and bytes) as djpeg writes it.
function readPpm(bytes) {
  const head = /^P6\s(\d+)\s(\d+)\s255\s/.exec(bytes.subarray(0, 64).toString('latin1'));
  if (!head) fail('djpeg wrote no 8-bit colour PPM');
  const [width, height] = [Number(head[1]), Number(head[2])];
  return { width, height, rgb: bytes.subarray(head[0].length) };
}

function decodeJpeg(file) {
  const run = spawnSync('djpeg', ['-ppm', '-dct', 'int', file], { maxBuffer: 1 << 28 });
  if (run.error) fail('djpeg is missing: install libjpeg-turbo-progs');
  if (run.status !== 0) fail(`djpeg could not decode ${file}`);
  return readPpm(run.stdout);
}

const decimals = (x, n) => Number(x.toFixed(n));
const digits = (x, n) => Number(x.toPrecision(n));

function faceRecord(result) {
  const { box, score } = result.detection;
  const chip = result.landmarks.align(null, { useDlibAlignment: true });
  return {
    box: [box.x, box.y, box.width, box.height].map((v) => decimals(v, 4)),
    score: digits(score, 7),
    chip: [chip.x, chip.y, chip.width, chip.height],
    landmarks: result.landmarks.positions.map((p) => [decimals(p.x, 4), decimals(p.y, 4)]),
    descriptor: Array.from(result.descriptor, (v) => digits(v, 7)),
  };
}

// One run of every network on a smooth synthetic picture of the network's own input size, so that
// neither padding nor resizing takes part.  Pixels are 0..255, rows of RGB.
function writeTensors(faceapi, tf, dir) {
  mkdirSync(dir, { recursive: true });
  const save = (name, t) => writeFileSync(path.join(dir, `${name}.f32`), Buffer.from(t.dataSync().buffer));
  const picture = (size) => tf.tidy(() => {
    const at = tf.range(0, size * size * 3, 1, 'float32');
    const wave = tf.sin(tf.mul(at, 0.37)).add(tf.cos(tf.mul(at, 0.0113)));
    return tf.round(wave.add(2).mul(63.75)).reshape([1, size, size, 3]);
  });
  const run = async (name, size, forward) => {
    const x = picture(size);
    save(`${name}.input`, x);
    for (const [port, t] of Object.entries(await forward(x))) save(`${name}.${port}`, t);
  };
  const nets = faceapi.nets;
  return (async () => {
    await run('ssd_mobilenetv1', 512, async (x) => {
      const { boxes, scores } = nets.ssdMobilenetv1.forwardInput(await faceapi.toNetInput(x));
      return { boxes: boxes[0], scores: scores[0] };
    });
    await run('tiny_face_detector', 416, async (x) => ({ grid: await nets.tinyFaceDetector.forward(x, 416) }));
    await run('face_landmark_68', 112, async (x) => ({ points: await nets.faceLandmark68Net.forward(x) }));
    await run('face_recognition', 150, async (x) => ({ embedding: await nets.faceRecognitionNet.forward(x) }));
  })();
}

async function main() {
  const args = process.argv.slice(2);
  const flag = args.indexOf('--tensors');
  const tensors = flag < 0 ? null : args.splice(flag, 2)[1];
  if (args.length !== 2 || tensors === undefined) {
    fail('usage: node make_golden.mjs MODULES OUT.json [--tensors DIR]');
  }
  const [modules, out] = [path.resolve(args[0]), args[1]];
  const require = createRequire(path.join(modules, 'here.js'));
  const tf = require('@tensorflow/tfjs');
  const faceapi = require('@vladmandic/face-api/dist/face-api.node-wasm.js');
  const root = path.join(modules, '@vladmandic', 'face-api');
  if (!(await tf.setBackend('cpu'))) fail('TensorFlow.js has no cpu backend');
  await tf.ready();

  const nets = faceapi.nets;
  for (const net of [nets.ssdMobilenetv1, nets.tinyFaceDetector, nets.faceLandmark68Net, nets.faceRecognitionNet]) {
    await net.loadFromDisk(path.join(root, 'model'));
  }
  if (tensors) await writeTensors(faceapi, tf, tensors);

  const pictures = [];
  for (let i = 1; i <= 6; i += 1) {
    const file = `sample${i}.jpg`;
    const jpeg = readFileSync(path.join(root, 'demo', file));
    const { width, height, rgb } = decodeJpeg(path.join(root, 'demo', file));
    const image = tf.tensor3d(rgb, [height, width, 3], 'int32');
    const options = new faceapi.SsdMobilenetv1Options({ minConfidence: MIN_CONFIDENCE });
    const results = await faceapi.detectAllFaces(image, options).withFaceLandmarks().withFaceDescriptors();
    const tiny = await faceapi.detectAllFaces(image, new faceapi.TinyFaceDetectorOptions({ inputSize: 416, scoreThreshold: MIN_CONFIDENCE }));
    pictures.push({
      file,
      sha256: createHash('sha256').update(jpeg).digest('hex'),
      width,
      height,
      faces: results.map(faceRecord),
      tiny: tiny.map(({ box, score }) => ({
        box: [box.x, box.y, box.width, box.height].map((v) => decimals(v, 4)),
        score: digits(score, 7),
      })),
    });
    image.dispose();
    console.error(`${file}: ${results.length} faces, ${tiny.length} with the tiny detector`);
  }
  const origin = {
    package: `@vladmandic/face-api ${faceapi.version.faceapi || faceapi.version}`,
    tfjs: tf.version_core,
    backend: tf.getBackend(),
    script: 'tests/encode/face_api/make_golden.mjs',
    detector: `SsdMobilenetv1, minConfidence ${MIN_CONFIDENCE}; tiny: TinyFaceDetector, inputSize 416, scoreThreshold ${MIN_CONFIDENCE}`,
    pixels: 'djpeg -dct int (libjpeg-turbo), EXIF orientation 1',
    box: 'x, y, width, height in pixels',
    chip: 'the square that the descriptor is computed from, x, y, width, height, before clipping at the picture',
    descriptor: '128 values as the package returns them, not normalised',
  };
  // One line per face keeps the file readable in a diff.
  const body = pictures.map((p) => {
    const { faces, tiny, ...rest } = p;
    const list = (v) => v.map((f) => `      ${JSON.stringify(f)}`).join(',\n');
    return `    ${JSON.stringify(rest).slice(0, -1)},\n     "faces": [\n${list(faces)}\n     ],\n     "tiny": [\n${list(tiny)}\n     ]}`;
  });
  writeFileSync(out, `{"origin": ${JSON.stringify(origin, null, 1)},\n "pictures": [\n${body.join(',\n')}\n ]}\n`);
}

main().catch((e) => fail(e.message));
