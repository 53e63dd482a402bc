const MARKS = [25, 50, 75, 100];

/** Tells each quarter of a page once, when it is first reached. */
export function newScrollDepth(onDepth: (percent: number) => void) {
  let reached = 0;
  return {
    /** `bottom` is how far down the window's lower edge is, `height` the page's, in the same unit. */
    seen: (bottom: number, height: number) => {
      const percent = height > 0 ? Math.min(100, (bottom / height) * 100) : 100;
      for (const mark of MARKS) {
        if (mark > reached && percent >= mark) {
          reached = mark;
          onDepth(mark);
        }
      }
    },
    /** Another page began. */
    restart: () => {
      reached = 0;
    },
  };
}
