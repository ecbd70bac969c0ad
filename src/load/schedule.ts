/** When the requests of an open loop are to arrive: ascending milliseconds after the start. */
export type Schedule = Float64Array;

/** One request every 1/`rate` seconds, the first at once. */
export function constantSchedule(rate: number, seconds: number): Schedule {
  return Float64Array.from({ length: Math.floor(rate * seconds) }, (_, index) => (index * 1000) / rate);
}

/** Arrivals that know nothing of each other, `rate` a second on average: gaps are distributed exponentially. */
export function poissonSchedule(rate: number, seconds: number, random: () => number): Schedule {
  const times: number[] = [];
  let time = 0;
  for (;;) {
    // 1 - random is never 0, whose logarithm is infinite.
    time += (-Math.log(1 - random()) * 1000) / rate;
    if (time >= seconds * 1000) return Float64Array.from(times);
    times.push(time);
  }
}
