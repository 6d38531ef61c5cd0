/** How an app is made. */
export interface AppOptions {
  /** Without the sample accounts alice, bob and carol. */
  empty?: boolean;
  /** Sends its changes to the emulator's own webhook receiver: `App.webhooks`. */
  webhook?: boolean;
  /** The SDKAppID of the app that it is to be like; the one that `dev` made unless given. */
  like?: number;
}

/** Which recorded calls. */
export interface RequestFilter {
  command?: string;
  /** An account that the body names. */
  user?: string;
  code?: number;
  /** Those after this number. */
  after?: number;
  /** The newest so many. */
  limit?: number;
}

/** A call that the emulator recorded. */
export interface RecordedCall {
  number: number;
  at_ms: number;
  method: string;
  path: string;
  command: string | null;
  app: number | null;
  identifier: string | null;
  users: string[];
  body: unknown;
  code: number | null;
  answer: unknown;
  /** Why, in words. */
  detail: string | null;
  fault: { rule: number; effect: string } | null;
  request_id: string;
  micros: number;
}

/** A webhook call that the emulator's receiver got. */
export interface WebhookCall {
  number: number;
  at_ms: number;
  box: string;
  app: number | null;
  command: string | null;
  user: string | null;
  event_id: string | null;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: unknown;
}

/** Which calls go wrong, how often, and how: docs/EMULATOR.md. */
export interface Fault {
  command?: string;
  host?: string;
  user?: string;
  next?: number;
  probability?: number;
  seed?: number;
  code?: number;
  close?: "before" | "after";
  malformed?: "cut-json" | "cut-body" | "empty" | "html" | "no-action-status" | "string-code";
  drip_ms?: number;
  delay_ms?: number;
}

/** A throw-away app: accounts, faults and recorded calls that no other test sees. */
export declare class App {
  readonly url: string;
  readonly sdkappid: number;
  readonly key: string;
  readonly admin: string;
  /** The admin's. */
  readonly usersig: string;
  /** Makes a UserSig for a user, by the emulator's clock, valid for `expire` seconds (180 days). */
  sign(user: string, expire?: number): Promise<string>;
  /** This app's recorded calls, oldest first. */
  requests(filter?: RequestFilter): Promise<RecordedCall[]>;
  /** The webhook calls of this app that the emulator received, once `count` (1) came or `waitMs` (5000) passed. */
  webhooks(options?: { count?: number; waitMs?: number }): Promise<WebhookCall[]>;
  /** Makes this app's calls go wrong; resolves to the rule's number. */
  addFault(rule: Fault): Promise<number>;
  /** Moves the emulator's clock, for example by "181d". All apps share it, so run such a test alone; `delete` sets it back. */
  advance(span: string): Promise<void>;
  /** Deletes the app with all that belongs to it, and sets the clock back if this app moved it. */
  delete(): Promise<void>;
}

/** A portraitd emulator (`portraitd dev`). */
export declare class Emulator {
  readonly url: string;
  /** Whether this process started it, so that `stop` ends it. */
  readonly started: boolean;
  createApp(options?: AppOptions): Promise<App>;
  /** Calls the control API below `/_portraitd`, and resolves to its JSON. */
  control(method: string, path: string, body?: unknown): Promise<any>;
  /** Ends the emulator if this process started it; a reused one goes on. */
  stop(): Promise<void>;
}

/** The emulator is not there, or refused a control call. The text says what to do. */
export declare class EmulatorError extends Error {}

/** Reuses the emulator at PORTRAITD_URL (with PORTRAITD_ADMIN_TOKEN if it is on another machine), or starts one on free ports. */
export declare function startEmulator(): Promise<Emulator>;

/** Makes an app in this process's emulator, which is started by the first call. */
export declare function createApp(options?: AppOptions): Promise<App>;

/** Ends this process's emulator. It ends with the process as well, also with one that is killed. */
export declare function stop(): Promise<void>;

/** Makes a UserSig (version 2.0, HMAC-SHA256), made at Unix second `time` (now) and valid for `expire` seconds (180 days). */
export declare function sign(sdkappid: number, key: string, user: string, expire?: number, time?: number): string;
