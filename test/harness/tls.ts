import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { moduleRequest } from './wire.js';
import { mustRun } from './program.js';

const MAKE = `
  $key = openssl_pkey_new(array('private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1'));
  $request = openssl_csr_new(array('commonName' => 'site.test'), $key);
  openssl_x509_export(openssl_csr_sign($request, NULL, $key, 1), $certificate);
  openssl_pkey_export($key, $secret);
  file_put_contents($argv[1], $certificate . $secret);
`;

/** Makes a key with its own certificate for site.test; the path of the file that holds both. */
export async function makeCertificate(folder: string): Promise<string> {
  const file = join(folder, 'site.pem');
  await mustRun('php', ['-r', MAKE, '--', file]);
  return file;
}

/** Sends the module's request over TLS and answers the status. */
export async function postTls(port: number, path: string, certificate: string): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'site.test', ca: await readFile(certificate) });
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write(moduleRequest(path));
  await once(socket, 'close');
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1]);
}
