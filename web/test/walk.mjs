// Walking through a room as a reader does: scrolling up to its first message,
// then down to the newest, and noting every message that is drawn.

// walk returns the ids of all messages seen, oldest first, on the way up and
// on the way down, and how many were drawn at once at most. It throws if a
// message is drawn out of its place.
export function walk(page) {
  return page.evaluate(async () => {
    const box = document.getElementById("history");
    const ids = () => [...box.querySelectorAll("article[data-id]")].map((a) => a.dataset.id);
    const frame = () => new Promise(requestAnimationFrame);
    let most = 0;
    // join puts what is drawn before or behind what was seen. Both have
    // messages in common, or something was left out.
    const join = (seen, drawn, up) => {
      most = Math.max(most, drawn.length);
      if (!seen.length) return seen.push(...drawn);
      const edge = up ? seen[0] : seen.at(-1);
      const at = up ? drawn.indexOf(edge) : drawn.lastIndexOf(edge);
      if (at < 0) throw new Error(`between ${edge} and what is drawn something is left out`);
      if (up) seen.unshift(...drawn.slice(0, at));
      else seen.push(...drawn.slice(at + 1));
    };
    const atEnd = (up) => (up ? box.querySelector(".beginning") !== null && box.scrollTop === 0
      : document.querySelector(".to-newest") === null && box.scrollHeight - box.scrollTop - box.clientHeight < 2);
    const go = async (up) => {
      const seen = [];
      join(seen, ids(), up);
      for (let idle = 0; !atEnd(up);) {
        const mark = up ? ids()[0] : ids().at(-1);
        box.scrollTop = up ? Math.max(0, Math.min(box.scrollTop - 900, 900)) : Math.max(box.scrollTop + 900, box.scrollHeight - box.clientHeight - 900);
        await frame();
        const drawn = ids();
        if ((up ? drawn[0] : drawn.at(-1)) === mark && ++idle > 1200) throw new Error("stuck at " + mark);
        if ((up ? drawn[0] : drawn.at(-1)) !== mark) {
          idle = 0;
          join(seen, drawn, up);
        }
      }
      join(seen, ids(), up);
      return seen;
    };
    const up = await go(true);
    const down = await go(false);
    return { up, down, most };
  });
}
