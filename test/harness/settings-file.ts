export { phpValue, type Settings, settingsText, writeSettings } from '../../src/demo/settings-file.js';
