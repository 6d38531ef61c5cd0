import { h } from '../ui/dom.js';
export default () => h('h1', {}, 'explorer');
