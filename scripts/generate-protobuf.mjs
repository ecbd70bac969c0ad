// Makes src/grpc-messages/generated of proto/: node scripts/generate-protobuf.mjs PROTOC PROTOC_GEN_ES
// PROTOC is a protocol buffer compiler, such as "python -m grpc_tools.protoc"; PROTOC_GEN_ES is the program of @bufbuild/protoc-gen-es 2.17.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [compiler, plugin] = process.argv.slice(2);
if (plugin === undefined) throw new Error("expected the compiler and protoc-gen-es as arguments");
const protos = fileURLToPath(new URL("../proto", import.meta.url));
const target = fileURLToPath(new URL("../src/grpc-messages/generated/", import.meta.url));
const files = readdirSync(protos).filter((file) => file.endsWith(".proto"));
const [program, ...given] = compiler.split(" ");
const options = [`--plugin=protoc-gen-es=${plugin}`, `--es_out=${target}`, "--es_opt=target=ts,import_extension=ts"];
execFileSync(program, [...given, "-I", protos, ...options, ...files], { cwd: protos, stdio: "inherit" });

// The sources run with their types taken off, which enums do not survive.
for (const file of readdirSync(target)) {
  const text = readFileSync(`${target}${file}`, "utf8");
  const erasable = text.replace(/export enum (\w+) \{([\s\S]*?)\n\}/g, (_all, name, body) => {
    const fields = body.replace(/^( +\w+) = (-?\d+),$/gm, "$1: $2,");
    return `export const ${name} = {${fields}\n} as const;\nexport type ${name} = (typeof ${name})[keyof typeof ${name}];`;
  });
  writeFileSync(`${target}${file}`, erasable);
}
