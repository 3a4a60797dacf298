export * from './index.js';
import * as libfast from './index.js';
export default libfast;
