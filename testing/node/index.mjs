export { App, Emulator, EmulatorError, createApp, sign, startEmulator, stop } from "./index.cjs";
