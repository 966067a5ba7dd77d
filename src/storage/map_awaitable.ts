/**
 * Applies `next` to a value: at once where the value is there, else once it is. `await` would let all
 * else that is ready go first, which takes a read from memory as long as all the rest of it.
 */
export function mapAwaitable<T, U>(
  value: T | Promise<T>,
  next: (value: T) => U | Promise<U>,
): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
