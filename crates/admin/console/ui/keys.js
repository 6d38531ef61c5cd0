// Keys that several forms share.

/**
 * A listener that runs something at Ctrl+Enter, where the form's own button could.
 * @param {(event: KeyboardEvent) => unknown} run
 */
export function onCtrlEnter(run) {
  return (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const button = /** @type {HTMLElement} */ (event.currentTarget).querySelector('button.primary');
    if (!(/** @type {HTMLButtonElement | null} */ (button)?.disabled)) void run(event);
  };
}
