import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { packageFolder } from './support.mjs';

const compiler = path.join(packageFolder, 'node_modules', 'typescript', 'bin', 'tsc');

test('the types fit programs in strict TypeScript', { skip: !existsSync(compiler) && 'npm ci was not run' }, () => {
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', path.join(packageFolder, 'test', 'types')]);
  assert.equal(status, 0, String(stdout));
});
