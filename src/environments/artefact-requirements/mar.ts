import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { archiveTexts } from "./archive-texts.ts";
import type { ArtefactRequirements } from "./artefact-requirements.ts";

const MANIFEST = "MAR-INF/MANIFEST.json";
const STORE = "model-store";

/** TorchServe is always installed with these, so handlers import them without saying that they need them. */
const IMAGES = ["torchvision", "pillow"];
const IMAGE_HANDLERS = /^(image_classifier|image_segmenter|object_detector)(:|$)/;
const USES_IMAGES = /\b(torchvision|PIL)\b|\bts\.torch_handler\.(vision_handler|image_|object_detector)/;

/**
 * What an archive of TorchServe needs: its requirementsFile, and what its handler takes for granted. Of a folder in KServe's layout with
 * several archives, what any of them needs: which one serves is decided when the model's name is known.
 * @throws ServeError INVALID_ARGUMENT for what is no archive
 */
export async function requirementsOfMar(file: string): Promise<ArtefactRequirements> {
  const lines: string[] = [];
  for (const archive of await archivesIn(file)) lines.push(...requirementsIn(await archiveTexts(archive)));
  return lines.length === 0 ? {} : { requirements: [...new Set(lines)].join("\n") };
}

/** The file or folder itself, or the archives in the model store of the folder. */
async function archivesIn(file: string): Promise<readonly string[]> {
  const names = await readdir(join(file, STORE)).catch(() => []);
  const archives = names.filter((name) => name.endsWith(".mar")).sort();
  return archives.length === 0 ? [file] : archives.map((name) => join(file, STORE, name));
}

function requirementsIn(texts: ReadonlyMap<string, string>): readonly string[] {
  const { handler, requirementsFile } = modelOf(texts.get(MANIFEST));
  const own = requirementsFile === undefined ? "" : (texts.get(requirementsFile) ?? "");
  const handlers = [...texts].filter(([name]) => name.endsWith(".py")).map(([, text]) => text);
  const usesImages = (handler !== undefined && IMAGE_HANDLERS.test(handler)) || handlers.some((text) => USES_IMAGES.test(text));
  const lines = own.split(/\r?\n/).filter((line) => line.trim() !== "");
  const named = new Set(lines.map((line) => /^[A-Za-z0-9._-]+/.exec(line.trim())?.[0].toLowerCase()));
  return [...lines, ...(usesImages ? IMAGES.filter((name) => !named.has(name)) : [])];
}

/** What cannot be read is for the host to say: it knows what it is for. */
function modelOf(manifest: string | undefined): { readonly handler?: string; readonly requirementsFile?: string } {
  try {
    const { model = {} } = JSON.parse(manifest ?? "{}") as { model?: Record<string, unknown> };
    const { handler, requirementsFile } = model;
    return {
      ...(typeof handler === "string" ? { handler } : {}),
      ...(typeof requirementsFile === "string" ? { requirementsFile } : {}),
    };
  } catch {
    return {};
  }
}
