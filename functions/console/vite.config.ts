import { readFileSync } from "node:fs";
import vue from "@vitejs/plugin-vue";
import { defineConfig, type Plugin } from "vite";

/** What is inside the bundle; the terms of their licences ask that they go where the code goes. */
const INSIDE = ["vue/LICENSE", "@supabase/auth-js/LICENSE", "tslib/LICENSE.txt"];

function licences(): Plugin {
  const text = INSIDE.map((file) => {
    const licence = readFileSync(new URL(`node_modules/${file}`, import.meta.url), "utf8").replaceAll("\r\n", "\n").trim();
    return `/*! ${file.slice(0, file.lastIndexOf("/"))}\n${licence}\n*/\n`;
  }).join("");
  return {
    name: "licences",
    generateBundle(_, files) {
      const script = files["app.js"];
      if (script?.type === "chunk") script.code = `// Made by \`go generate ./functions/console\`. Do not edit.\n${text}${script.code}`;
    },
  };
}

// One script, one style, fixed names: the Go binary carries them, and the same sources give the same bytes.
export default defineConfig({
  base: "/console/",
  plugins: [vue(), licences()],
  define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false" },
  build: {
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    rollupOptions: { output: { entryFileNames: "app.js", assetFileNames: "app.[ext]" } },
  },
});
