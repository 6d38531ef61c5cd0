// How each language trusts the certificate of an emulator that serves HTTPS.

import { t } from '../../i18n/language.js';
import { textBlock } from '../../ui/code.js';
import { h } from '../../ui/dom.js';
import { quoted } from '../calls/copies.js';

/** The variables that `portraitd env` prints, and who reads them. @param {string} directory @returns {[string, string][]} */
const variables = (directory) => [
  ['OpenSSL, Go, Ruby, Rust, C#', `SSL_CERT_FILE=${quoted(`${directory}/bundle.pem`)}`],
  ['Python (requests)', `REQUESTS_CA_BUNDLE=${quoted(`${directory}/bundle.pem`)}`],
  ['Node.js', `NODE_EXTRA_CA_CERTS=${quoted(`${directory}/ca.pem`)}`],
  ['curl', `CURL_CA_BUNDLE=${quoted(`${directory}/bundle.pem`)}`],
  ['PHP', `PHP_INI_SCAN_DIR=${quoted(`:${directory}/php`)}`],
  ['Java', `JAVA_TOOL_OPTIONS=${quoted(`-Djavax.net.ssl.trustStore=${directory}/truststore.jks`)}`],
];

/** @param {string} certificates their directory */
export function trust(certificates) {
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('connect.trust'))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft' }, t('connect.trust_about')),
      variables(certificates).map(([who, line]) => h('div', {}, h('div', { class: 'small soft' }, who), textBlock(`export ${line}`))),
      h('p', { class: 'soft' }, t('connect.trust_more')), textBlock(`portraitd cert --certificates ${quoted(certificates)}`)));
}
