/** An object whose methods are done as `around` would have it, given the name, what the method would do, and with what. */
export const wrapped = (object, around) =>
  new Proxy(object, {
    get(target, name) {
      const value = target[name];
      return typeof value === "function"
        ? (...parts) => around(name, () => target[name](...parts), parts)
        : value;
    },
  });
