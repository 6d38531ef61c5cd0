// Keys that several forms share.

/** A listener that runs something at Ctrl+Enter. @param {() => unknown} run */
export function onCtrlEnter(run) {
  return (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void run();
  };
}
