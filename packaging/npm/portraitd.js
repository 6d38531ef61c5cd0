#!/usr/bin/env node
// Runs the binary of the platform's package: same arguments, input, output, signals and exit code.
"use strict";
const { spawn } = require("child_process");
const { readFileSync } = require("fs");
const { constants } = require("os");

const name = `portraitd-${process.platform}-${process.arch}`;
let binary;
try {
  binary = require.resolve(`${name}/bin/portraitd`);
} catch {
  const chinese = /^zh/.test(process.env.PORTRAITD_SERVER_LANGUAGE || process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || "");
  console.error(
    chinese
      ? `portraitd：未安装 ${name}。若 npm 跳过了可选依赖，请用 npm install --include=optional portraitd；该包支持 glibc 的 Linux，其他平台请从源码构建`
      : `portraitd: the package ${name} is not installed. If npm left out optional dependencies: npm install --include=optional portraitd. There are packages for Linux with glibc; elsewhere build it from source`,
  );
  process.exit(1);
}

// Whether Ctrl-C on the terminal is sent to this group of processes, and so to the binary too. It must not get one twice: its second
// signal stops it at once.
function gotByTerminal(signal) {
  if (signal !== "SIGINT" && signal !== "SIGQUIT") return false;
  try {
    const [, , group, , , foreground] = readFileSync("/proc/self/stat", "latin1").replace(/^.*\) /s, "").split(" ");
    return group === foreground;
  } catch {
    return false;
  }
}

const child = spawn(binary, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
  process.on(signal, () => gotByTerminal(signal) || child.kill(signal));
}
// npm starts programs by a shell. A signal to npm ends that shell, which passes nothing on: and the binary would run on.
if (process.env.npm_command) {
  const shell = process.ppid;
  setInterval(() => process.ppid === shell || child.kill("SIGTERM"), 200).unref();
}
child.on("error", (error) => {
  console.error(`portraitd: ${error.message}`);
  process.exit(126);
});
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
