// The types of the control API, which has no OpenAPI document. types.test.js holds what a server answers against them.

export {};

declare global {
  /** `GET /_portraitd/requests`: a call and its answer. Bodies are JSON, or text when they are none. */
  interface RecordedCall {
    number: number;
    at_ms: number;
    method: string;
    path: string;
    command: string | null;
    app: number | null;
    identifier: string | null;
    users: string[];
    body: any;
    code: number | null;
    answer: any;
    detail: string | null;
    fault: { rule: number; effect: string } | null;
    request_id: string;
    micros: number;
  }
  /** `GET /_portraitd/webhooks`: a webhook call that was received. */
  interface RecordedWebhook {
    number: number;
    at_ms: number;
    box: string;
    app: number | null;
    command: string | null;
    user: string | null;
    event_id: string | null;
    query: Record<string, string>;
    headers: Record<string, string>;
    body: any;
  }
  interface FaultRule {
    command?: string;
    host?: string;
    app?: number;
    user?: string;
    next?: number;
    probability?: number;
    seed?: number;
    code?: number;
    close?: 'before' | 'after';
    malformed?: 'cut-json' | 'cut-body' | 'empty' | 'html' | 'no-action-status' | 'string-code';
    drip_ms?: number;
    delay_ms?: number;
  }
  /** `GET /_portraitd/faults`: a rule with its counts. */
  interface ActiveFault {
    id: number;
    from: string;
    rule: FaultRule;
    effect: string;
    matched: number;
    fired: number;
    left?: number;
    warning?: string;
  }
  interface ClockView { now: string; now_ms: number; frozen: boolean; ahead_ms: number }
  interface ClockChange { now?: string | number; advance?: string | number; frozen?: boolean }
  interface Snapshot { name: string; app: number | null; apps: number; accounts: number }
  interface Environment {
    url: string;
    sdkappid: number;
    key: string;
    admin: string;
    usersig: string;
    tls_url?: string;
    proxy_url?: string;
    certificates?: string;
  }
  interface ThrowAwayApp extends Environment { accounts: number; webhook: string | null }
}
