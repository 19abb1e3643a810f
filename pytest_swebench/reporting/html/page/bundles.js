// Bundles: packed JSON within the page, or in scripts beside it that hand themselves over.
const arrived = new Map();
const unpacked = new Map();
const KEEP = 6;

globalThis.__bundle = (name, packed) => { if (arrived.has(name)) arrived.get(name)(packed); };

// What a shelf holds of an entry; null where the report was made without it.
async function fetchEntry(shelf, number) {
  const told = D.shelves[shelf];
  if (!told || !told.starts.length || number < 0) return null;
  let bundle = 0;
  while (bundle + 1 < told.starts.length && told.starts[bundle + 1] <= number) bundle++;
  const name = `${shelf}${bundle}`;
  if (!unpacked.has(name)) {
    unpacked.set(name, load(name, told).then(unpack).then(JSON.parse));
    unpacked.get(name).catch(() => unpacked.delete(name));
    if (unpacked.size > KEEP) unpacked.delete(unpacked.keys().next().value);
  }
  return (await unpacked.get(name))[number - told.starts[bundle]];
}

function load(name, told) {
  const inside = byId(name);
  if (inside) return Promise.resolve(inside.textContent);
  return new Promise((resolve, reject) => {
    arrived.set(name, resolve);
    const script = el("script", { src: `${encodeURIComponent(told.folder)}/${name}.js` });
    script.onload = () => { script.remove(); reject(new Error(`${told.folder}/${name}.js holds nothing of this report`)); }; // too late where it did
    script.onerror = () => { script.remove(); reject(new Error(`${told.folder}/${name}.js is not here: keep that folder beside this file`)); };
    document.head.append(script);
  });
}

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
