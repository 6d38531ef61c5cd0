// Every language that the explorer writes code in.

import { curl } from './curl.js';
import { go } from './go.js';
import { java } from './java.js';
import { node } from './node.js';
import { php } from './php.js';
import { python } from './python.js';

export const SNIPPETS = [curl, php, java, go, node, python];
