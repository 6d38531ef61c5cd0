// Makes a screenshot a third of its size: 256 colours in place of all the shades at the edges of letters.

import { deflateSync, inflateSync } from 'node:zlib';

const COLOURS_MAX = 256;
const CHANNELS = { 2: 3, 6: 4 };

/** @param {Buffer} png of 8 bits a channel, with or without alpha, which is left out @returns {Buffer} */
export function smallPng(png) {
  const { width, height, rgb } = decode(png);
  const counts = new Map();
  for (const colour of rgb) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, COLOURS_MAX).map(([colour]) => colour);
  const places = new Map(palette.map((colour, place) => [colour, place]));
  const lines = Buffer.alloc(height * (width + 1));
  rgb.forEach((colour, at) => {
    if (!places.has(colour)) places.set(colour, nearest(palette, colour));
    lines[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = places.get(colour);
  });
  const head = Buffer.from(png.subarray(16, 29));
  head[9] = 3;
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([
    png.subarray(0, 8), chunk('IHDR', head), chunk('PLTE', colours), chunk('IDAT', deflateSync(lines, { level: 9 })), chunk('IEND', Buffer.alloc(0)),
  ]);
}

function nearest(palette, colour) {
  const distance = (other) => [16, 8, 0].reduce((sum, shift) => sum + (((colour >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0);
  let [best, least] = [0, Infinity];
  palette.forEach((other, place) => {
    const far = distance(other);
    if (far < least) [best, least] = [place, far];
  });
  return best;
}

/** The pixels, each as one number. @param {Buffer} png */
function decode(png) {
  const [width, height, size] = [png.readUInt32BE(16), png.readUInt32BE(20), CHANNELS[png[25]]];
  const parts = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const data = inflateSync(Buffer.concat(parts));
  const stride = width * size;
  const rgb = new Uint32Array(width * height);
  let above = Buffer.alloc(stride);
  for (let y = 0; y < height; y += 1) {
    const filter = data[y * (stride + 1)];
    const line = data.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1));
    for (let x = 0; x < stride; x += 1) {
      const [left, up, corner] = [x < size ? 0 : line[x - size], above[x], x < size ? 0 : above[x - size]];
      line[x] += [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
    }
    for (let x = 0; x < width; x += 1) rgb[y * width + x] = line.readUIntBE(x * size, 3);
    above = line;
  }
  return { width, height, rgb };
}

function paeth(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function chunk(name, data) {
  const whole = Buffer.alloc(12 + data.length);
  whole.writeUInt32BE(data.length);
  whole.write(name, 4, 'latin1');
  data.copy(whole, 8);
  whole.writeUInt32BE(crc(whole.subarray(4, 8 + data.length)), 8 + data.length);
  return whole;
}

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}
