// How a figure's state stands in an address: one rule for each trait that a reader can change. The page's host writes
// and reads addresses by these rules; what no rule allows is no state.

/**
 * How a value is written in an address, in letters, digits and any of `_ . ~ -`, and read again: undefined stands for
 * everything that is no such value.
 *
 * @template Value
 * @typedef {{ write: (value: Value) => string, read: (text: string) => Value | undefined }} Rule
 */

/**
 * What an address may say of a figure.
 *
 * @typedef {object} Link
 * @property {Record<string, Rule<any>>} rules by trait
 * @property {(state: any) => boolean} [fits] whether values that are allowed one by one are so together
 */

/**
 * A whole number between these two.
 *
 * @param {number} least
 * @param {number} most
 * @returns {Rule<number>}
 */
export function whole(least, most) {
  return {
    write: String,
    read(text) {
      const number = /^(0|-?[1-9]\d{0,6})$/.test(text) ? Number(text) : NaN;
      return number >= least && number <= most ? number : undefined;
    },
  };
}

/** @param {unknown} value */
function shortName(value) {
  return String(value).replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/**
 * One of these values, by its letters and digits.
 *
 * @template Value
 * @param {readonly Value[]} values
 * @returns {Rule<Value>}
 */
export function oneOf(values) {
  const names = values.map(shortName);
  return { write: (value) => names[values.indexOf(value)], read: (text) => values[names.indexOf(text)] };
}

/** @returns {Rule<boolean>} */
export function yesOrNo() {
  return {
    write: (value) => (value ? "yes" : "no"),
    read: (text) => (text === "yes" ? true : text === "no" ? false : undefined),
  };
}

/**
 * So many values, none of them twice where they are `distinct`.
 *
 * @template Value
 * @param {Rule<Value>} rule
 * @param {number} least
 * @param {number} most
 * @returns {Rule<Value[]>}
 */
export function several(rule, least, most, { between = ".", distinct = false } = {}) {
  return {
    write: (values) => values.map(rule.write).join(between),
    read(text) {
      const parts = text === "" ? [] : text.split(between);
      if (parts.length < least || parts.length > most) return undefined;
      if (distinct && new Set(parts).size < parts.length) return undefined;
      const values = parts.map(rule.read);
      return values.includes(undefined) ? undefined : /** @type {Value[]} */ (values);
    },
  };
}

/**
 * What has a writing of its own; an Error in reading it means that it is not that.
 *
 * @template Value
 * @param {(value: Value) => string} write
 * @param {(text: string) => Value | undefined} read
 * @returns {Rule<Value>}
 */
export function written(write, read) {
  return {
    write,
    read(text) {
      try {
        return read(text);
      } catch {
        return undefined;
      }
    },
  };
}
