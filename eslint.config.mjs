/** The lint rules: typescript-eslint's strict ones with type information, and who may import whom. */
import { defineConfig, globalIgnores } from "eslint/config";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

const extensions = [".ts", ".mjs", ".js"];

/**
 * Each room and what of the project it may import, next to itself: what stands above it in this list never does. Only
 * the tests may import everything.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const rooms = {
  "index.ts": ["config", "platforms", "components", "certificates", "hosts", "secret.ts"],
  platforms: ["config", "remote", "templates", "hosts", "secret.ts", "json.ts"],
  components: ["remote", "templates", "hosts", "secret.ts"],
  certificates: ["secret.ts"],
  config: ["hosts", "json.ts"],
  remote: ["templates", "hosts"],
  templates: [],
  hosts: [],
  "secret.ts": [],
  "json.ts": [],
  ssh: ["remote"],
  cli: [
    "testbed",
    "definitions",
    "migration",
    "toolchain",
    "verify",
    "platforms/ssh-keys.ts",
    "remote/ssh.ts",
    "templates",
    "hosts",
    "json.ts",
    "user-error.ts",
  ],
  migration: ["definitions", "hosts"],
  definitions: ["hosts", "json.ts"],
  testbed: [
    "verify",
    "toolchain/step.ts",
    "remote/program.ts",
    "platforms",
    "templates",
    "hosts",
    "user-error.ts",
  ],
  toolchain: ["platforms/lab/packages.ts", "user-error.ts"],
  verify: ["remote/ssh.ts", "hosts", "json.ts", "user-error.ts"],
  "user-error.ts": [],
  examples: [],
};

/**
 * Packages that one room alone may import, and the files that may not: everything else. Whatever wants one of them
 * asks that room.
 */
const owners = [
  { name: "@pulumi/command", owner: "remote", others: "!(remote|node_modules)/**" },
  {
    name: "@pulumi/aws",
    owner: "platforms/aws/sdk.ts",
    others: "{!(platforms|node_modules)/**,platforms/*.ts,platforms/!(aws)/**,platforms/aws/!(sdk).ts}",
  },
  { name: "handlebars", owner: "templates", others: "!(templates|tests|node_modules)/**" },
];

const zones = [
  ...Object.entries(rooms).map(([room, others]) => ({
    target: room,
    from: ".",
    except: [room, ...others, "node_modules"],
    message: `${room} may import ${others.length === 0 ? "nothing else of the project" : `only ${others.join(", ")}`}.`,
  })),
  ...owners.map(({ name, owner, others }) => ({
    target: [others, "*.ts"],
    from: `node_modules/${name}`,
    message: `Only ${owner} may import ${name}.`,
  })),
];

export default defineConfig(
  globalIgnores(["node_modules", ".toolchain", ".pulumi-state"]),
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { "import-x": importX },
    settings: {
      "import-x/resolver-next": [createNodeResolver({ extensions })],
      // Without it no-cycle reads no TypeScript, and finds nothing.
      "import-x/extensions": extensions,
    },
    rules: {
      // A quarter of the linter's time, for enums and look-alike classes, of which the project has none.
      "@typescript-eslint/no-unsafe-enum-assignment": "off",
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      // The runner itself waits for what these return.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", package: "node:test", name: ["test", "describe", "it", "suite"] },
          ],
        },
      ],
      // `(error) => fail(error)` reads well whether fail returns or not.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      // A number in a text is what it looks like; an Output there is the mistake that this rule is for.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // A name that comes from outside is looked up by text, which is how the compiler wants an absent one noticed.
      "@typescript-eslint/dot-notation": ["error", { allowIndexSignaturePropertyAccess: true }],
      "import-x/no-cycle": "error",
      "import-x/no-restricted-paths": ["error", { zones, basePath: import.meta.dirname }],
    },
  },
);
