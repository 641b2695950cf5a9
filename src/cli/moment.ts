/**
 * A moment for people, in the time zone of the machine: `2026-01-31 14:05:09`.
 *
 * @param seconds since 1970
 */
export function formatMoment(seconds: number): string {
  const time = new Date(seconds * 1000);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = [String(time.getFullYear()), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}
