// A file of words as text. Lists in Chinese are often in GBK, which is read too.

/** @param {Blob} file @returns {Promise<{ text: string, encoding: string }>} */
export async function readText(file) {
  const bytes = await file.arrayBuffer();
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: 'utf-8' };
  } catch {
    return { text: new TextDecoder('gb18030').decode(bytes), encoding: 'GB18030' };
  }
}
