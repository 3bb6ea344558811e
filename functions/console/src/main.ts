import { createApp } from "vue";
import "./tokens.css";
import "./base.css";
import App from "./App.vue"; // its styles come after those above

createApp(App).mount("#app");
