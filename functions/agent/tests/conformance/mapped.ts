/** One pack of two TypeScript files, src/index.ts and src/fails.ts, as esbuild bundles and minifies it, with an inline source map. */
export const MAPPED = {
  esm:
    'function fails(what){throw new Error(what)}async function start(){fails("mapped")}export{start as default};\n' +
    "//# sourceMappingURL=data:application/json;base64,ewogICJ2ZXJzaW9uIjogMywKICAic291cmNlcyI6IFsic3JjL2ZhaWxzLnRzIiwgInNyYy" +
    "9pbmRleC50cyJdLAogICJtYXBwaW5ncyI6ICJBQUFPLFNBQVMsTUFBTSxLQUFxQixDQUN6QyxNQUFNLElBQUksTUFBTSxJQUFJLENBQ3RCLENDREEsZUFBTy" +
    "xPQUErQixDQUFFLE1BQU0sUUFBUSxDQUFHIiwKICAibmFtZXMiOiBbXQp9Cg==",
  cjs:
    "var __defProp=Object.defineProperty;var __getOwnPropDesc=Object.getOwnPropertyDescriptor;var __getOwnPropNames" +
    "=Object.getOwnPropertyNames;var __hasOwnProp=Object.prototype.hasOwnProperty;var __export=(target,all)=>{for(v" +
    "ar name in all)__defProp(target,name,{get:all[name],enumerable:true})};var __copyProps=(to,from,except,desc)=>" +
    '{if(from&&typeof from==="object"||typeof from==="function"){for(let key of __getOwnPropNames(from))if(!__hasOw' +
    "nProp.call(to,key)&&key!==except)__defProp(to,key,{get:()=>from[key],enumerable:!(desc=__getOwnPropDesc(from,k" +
    'ey))||desc.enumerable})}return to};var __toCommonJS=mod=>__copyProps(__defProp({},"__esModule",{value:true}),m' +
    "od);var index_exports={};__export(index_exports,{default:()=>start});module.exports=__toCommonJS(index_exports" +
    ');function fails(what){throw new Error(what)}async function start(){fails("mapped")}\n' +
    "//# sourceMappingURL=data:application/json;base64,ewogICJ2ZXJzaW9uIjogMywKICAic291cmNlcyI6IFsic3JjL2luZGV4LnRzIiwgInNyYy" +
    "9mYWlscy50cyJdLAogICJtYXBwaW5ncyI6ICJ3cEJBQUEsNEdDQU8sU0FBUyxNQUFNLEtBQXFCLENBQ3pDLE1BQU0sSUFBSSxNQUFNLElBQUksQ0FDdEIsQ0" +
    "REQSxlQUFPLE9BQStCLENBQUUsTUFBTSxRQUFRLENBQUciLAogICJuYW1lcyI6IFtdCn0K",
};
