// What the duels share: models run in the page, and where they cannot, what was recorded is shown.

/**
 * Show a duel with its models, and from the first failure on what was recorded. Returns what ends it.
 *
 * @param {(fail: (error: unknown) => void) => () => void} showLive
 * @param {(reason: string) => () => void} showRecorded
 */
export function liveOrRecorded(showLive, showRecorded) {
  let stop = () => {};
  /** @param {unknown} error */
  const fail = (error) => {
    stop();
    stop = showRecorded(error instanceof Error ? error.message : String(error));
  };
  try {
    stop = showLive(fail);
  } catch (error) {
    fail(error);
  }
  return () => stop();
}

/**
 * How a live duel works: `guarded` hands what fails on, `soon` makes one drawing of several changes, and after `stop`
 * nothing is done any more.
 *
 * @param {(error: unknown) => void} fail
 */
export function guard(fail) {
  let stopped = false;
  /** @param {() => void} work */
  const guarded = (work) => {
    if (stopped) return;
    try {
      work();
    } catch (error) {
      fail(error);
    }
  };
  /** @param {() => void} draw */
  const soon = (draw) => {
    let due = false;
    return () => {
      if (due) return;
      due = true;
      queueMicrotask(() => {
        due = false;
        guarded(draw);
      });
    };
  };
  const stop = () => {
    stopped = true;
  };
  return { guarded, soon, stop };
}
