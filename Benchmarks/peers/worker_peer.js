// node.js Workers as a peer: each request in a V8 isolate of its own, or in one of HOT that are kept (path /hot).
//
//     node worker_peer.js PORT HOT
//
// A body is [n, n * n values], 64-bit little-endian words; the answer is the square of that matrix in the same form.
'use strict';
const { Worker, isMainThread, parentPort } = require('node:worker_threads');

function square(bytes) {
  const words = new BigUint64Array(bytes), n = Number(words[0]), product = new BigUint64Array(words.length);
  product[0] = words[0];
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const factor = words[1 + i * n + k];
      for (let j = 0; j < n; j++) product[1 + i * n + j] += factor * words[1 + k * n + j];
    }
  return product.buffer;
}

if (!isMainThread) {
  parentPort.on('message', (bytes) => {
    const product = square(bytes);
    parentPort.postMessage(product, [product]);
  });
} else {
  const http = require('node:http');
  const port = Number(process.argv[2]), limit = Number(process.argv[3]);
  const idle = [], waiting = [];
  let started = 0;

  const ask = (worker, bytes, done) => {
    worker.once('message', (product) => done(Buffer.from(product)));
    worker.postMessage(bytes, [bytes]);
  };
  const withHot = (use) => {
    if (idle.length > 0) use(idle.pop());
    else if (started < limit) { started++; use(new Worker(__filename)); }
    else waiting.push(use);
  };
  const giveHot = (worker) => (waiting.length > 0 ? waiting.shift()(worker) : idle.push(worker));

  http.createServer({ keepAliveTimeout: 60000 }, (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = new Uint8Array(Buffer.concat(chunks)).buffer;
      const reply = (body) => response.writeHead(200, { 'Content-Length': body.length }).end(body);
      if (limit > 0 && request.url.startsWith('/hot')) {
        withHot((worker) => ask(worker, bytes, (body) => { reply(body); giveHot(worker); }));
      } else {
        const worker = new Worker(__filename);
        ask(worker, bytes, (body) => { reply(body); worker.terminate(); });
      }
    });
  }).listen(port, '127.0.0.1', () => console.log('Socket ready'));
}
