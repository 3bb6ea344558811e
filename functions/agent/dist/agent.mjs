// Made by `go generate ./functions/agent` from functions/agent/{core,node,browser}. Do not edit.
/*! ws
 *
 * Copyright (c) 2011 Einar Otto Stangvik <einaros@gmail.com>
 * Copyright (c) 2013 Arnout Kazemier and contributors
 * Copyright (c) 2016 Luigi Pinca and contributors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of
 * this software and associated documentation files (the "Software"), to deal in
 * the Software without restriction, including without limitation the rights to
 * use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of
 * the Software, and to permit persons to whom the Software is furnished to do so,
 * subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
 * FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
 * COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
 * IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
 * CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
/*! @vue/reactivity
 *
 * The MIT License (MIT)
 *
 * Copyright (c) 2018-present, Yuxi (Evan) You
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in
 * all copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
 * THE SOFTWARE.
 */
/*! @vue/shared
 *
 * The MIT License (MIT)
 *
 * Copyright (c) 2018-present, Yuxi (Evan) You
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in
 * all copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
 * THE SOFTWARE.
 */
import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);
var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf, __hasOwnProp = Object.prototype.hasOwnProperty;
var __require = /* @__PURE__ */ ((x) => typeof require < "u" ? require : typeof Proxy < "u" ? new Proxy(x, {
  get: (a, b) => (typeof require < "u" ? require : a)[b]
}) : x)(function(x) {
  if (typeof require < "u") return require.apply(this, arguments);
  throw Error('Dynamic require of "' + x + '" is not supported');
});
var __commonJS = (cb, mod) => function() {
  try {
    return mod || (0, cb[__getOwnPropNames(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
  } catch (e) {
    throw mod = 0, e;
  }
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from == "object" || typeof from == "function")
    for (let key of __getOwnPropNames(from))
      !__hasOwnProp.call(to, key) && key !== except && __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this is not an ESM
  // file that has been converted to a CommonJS file using a Babel-
  // compatible transform (i.e. "__esModule" has not been set), then set
  // "default" to the CommonJS "module.exports" for node compatibility.
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: !0 }) : target,
  mod
));

// node_modules/ws/lib/constants.js
var require_constants = __commonJS({
  "node_modules/ws/lib/constants.js"(exports, module) {
    "use strict";
    var BINARY_TYPES = ["nodebuffer", "arraybuffer", "fragments"], hasBlob = typeof Blob < "u";
    hasBlob && BINARY_TYPES.push("blob");
    module.exports = {
      BINARY_TYPES,
      CLOSE_TIMEOUT: 3e4,
      EMPTY_BUFFER: Buffer.alloc(0),
      GUID: "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
      hasBlob,
      kForOnEventAttribute: /* @__PURE__ */ Symbol("kIsForOnEventAttribute"),
      kListener: /* @__PURE__ */ Symbol("kListener"),
      kStatusCode: /* @__PURE__ */ Symbol("status-code"),
      kWebSocket: /* @__PURE__ */ Symbol("websocket"),
      NOOP: () => {
      }
    };
  }
});

// node_modules/ws/lib/buffer-util.js
var require_buffer_util = __commonJS({
  "node_modules/ws/lib/buffer-util.js"(exports, module) {
    "use strict";
    var { websocketMask, websocketUnmask } = __require("http"), { EMPTY_BUFFER } = require_constants(), FastBuffer = Buffer[Symbol.species];
    function concat(list, totalLength) {
      if (list.length === 0) return EMPTY_BUFFER;
      if (list.length === 1) return list[0];
      let target = Buffer.allocUnsafe(totalLength), offset = 0;
      for (let i = 0; i < list.length; i++) {
        let buf = list[i];
        target.set(buf, offset), offset += buf.length;
      }
      return offset < totalLength ? new FastBuffer(target.buffer, target.byteOffset, offset) : target;
    }
    function _mask(source, mask, output, offset, length) {
      for (let i = 0; i < length; i++)
        output[offset + i] = source[i] ^ mask[i & 3];
    }
    function _unmask(buffer, mask) {
      for (let i = 0; i < buffer.length; i++)
        buffer[i] ^= mask[i & 3];
    }
    function toArrayBuffer(buf) {
      return buf.length === buf.buffer.byteLength ? buf.buffer : buf.buffer.slice(buf.byteOffset, buf.byteOffset + buf.length);
    }
    function toBuffer(data) {
      if (toBuffer.readOnly = !0, Buffer.isBuffer(data)) return data;
      let buf;
      return data instanceof ArrayBuffer ? buf = new FastBuffer(data) : ArrayBuffer.isView(data) ? buf = new FastBuffer(data.buffer, data.byteOffset, data.byteLength) : (buf = Buffer.from(data), toBuffer.readOnly = !1), buf;
    }
    module.exports = {
      concat,
      mask: _mask,
      toArrayBuffer,
      toBuffer,
      unmask: _unmask
    };
    if (websocketMask)
      module.exports.mask = function(source, mask, output, offset, length) {
        length < 24 ? _mask(source, mask, output, offset, length) : websocketMask(source, mask, output, offset, length);
      }, module.exports.unmask = function(buffer, mask) {
        buffer.length < 24 ? _unmask(buffer, mask) : websocketUnmask(buffer, mask);
      };
    else if (!process.env.WS_NO_BUFFER_UTIL)
      try {
        let bufferUtil = __require("bufferutil");
        module.exports.mask = function(source, mask, output, offset, length) {
          length < 48 ? _mask(source, mask, output, offset, length) : bufferUtil.mask(source, mask, output, offset, length);
        }, module.exports.unmask = function(buffer, mask) {
          buffer.length < 32 ? _unmask(buffer, mask) : bufferUtil.unmask(buffer, mask);
        };
      } catch {
      }
  }
});

// node_modules/ws/lib/limiter.js
var require_limiter = __commonJS({
  "node_modules/ws/lib/limiter.js"(exports, module) {
    "use strict";
    var kDone = /* @__PURE__ */ Symbol("kDone"), kRun = /* @__PURE__ */ Symbol("kRun"), Limiter = class {
      /**
       * Creates a new `Limiter`.
       *
       * @param {Number} [concurrency=Infinity] The maximum number of jobs allowed
       *     to run concurrently
       */
      constructor(concurrency) {
        this[kDone] = () => {
          this.pending--, this[kRun]();
        }, this.concurrency = concurrency || 1 / 0, this.jobs = [], this.pending = 0;
      }
      /**
       * Adds a job to the queue.
       *
       * @param {Function} job The job to run
       * @public
       */
      add(job) {
        this.jobs.push(job), this[kRun]();
      }
      /**
       * Removes a job from the queue and runs it if possible.
       *
       * @private
       */
      [kRun]() {
        if (this.pending !== this.concurrency && this.jobs.length) {
          let job = this.jobs.shift();
          this.pending++, job(this[kDone]);
        }
      }
    };
    module.exports = Limiter;
  }
});

// node_modules/ws/lib/permessage-deflate.js
var require_permessage_deflate = __commonJS({
  "node_modules/ws/lib/permessage-deflate.js"(exports, module) {
    "use strict";
    var zlib = __require("zlib"), bufferUtil = require_buffer_util(), Limiter = require_limiter(), { kStatusCode } = require_constants(), FastBuffer = Buffer[Symbol.species], TRAILER = Buffer.from([0, 0, 255, 255]), kPerMessageDeflate = /* @__PURE__ */ Symbol("permessage-deflate"), kTotalLength = /* @__PURE__ */ Symbol("total-length"), kCallback = /* @__PURE__ */ Symbol("callback"), kBuffers = /* @__PURE__ */ Symbol("buffers"), kError = /* @__PURE__ */ Symbol("error"), zlibLimiter, PerMessageDeflate2 = class {
      /**
       * Creates a PerMessageDeflate instance.
       *
       * @param {Object} [options] Configuration options
       * @param {(Boolean|Number)} [options.clientMaxWindowBits] Advertise support
       *     for, or request, a custom client window size
       * @param {Boolean} [options.clientNoContextTakeover=false] Advertise/
       *     acknowledge disabling of client context takeover
       * @param {Number} [options.concurrencyLimit=10] The number of concurrent
       *     calls to zlib
       * @param {Boolean} [options.isServer=false] Create the instance in either
       *     server or client mode
       * @param {Number} [options.maxPayload=0] The maximum allowed message length
       * @param {(Boolean|Number)} [options.serverMaxWindowBits] Request/confirm the
       *     use of a custom server window size
       * @param {Boolean} [options.serverNoContextTakeover=false] Request/accept
       *     disabling of server context takeover
       * @param {Number} [options.threshold=1024] Size (in bytes) below which
       *     messages should not be compressed if context takeover is disabled
       * @param {Object} [options.zlibDeflateOptions] Options to pass to zlib on
       *     deflate
       * @param {Object} [options.zlibInflateOptions] Options to pass to zlib on
       *     inflate
       */
      constructor(options) {
        if (this._options = options || {}, this._threshold = this._options.threshold !== void 0 ? this._options.threshold : 1024, this._maxPayload = this._options.maxPayload | 0, this._isServer = !!this._options.isServer, this._deflate = null, this._inflate = null, this.params = null, !zlibLimiter) {
          let concurrency = this._options.concurrencyLimit !== void 0 ? this._options.concurrencyLimit : 10;
          zlibLimiter = new Limiter(concurrency);
        }
      }
      /**
       * @type {String}
       */
      static get extensionName() {
        return "permessage-deflate";
      }
      /**
       * Create an extension negotiation offer.
       *
       * @return {Object} Extension parameters
       * @public
       */
      offer() {
        let params = {};
        return this._options.serverNoContextTakeover && (params.server_no_context_takeover = !0), this._options.clientNoContextTakeover && (params.client_no_context_takeover = !0), this._options.serverMaxWindowBits && (params.server_max_window_bits = this._options.serverMaxWindowBits), this._options.clientMaxWindowBits ? params.client_max_window_bits = this._options.clientMaxWindowBits : this._options.clientMaxWindowBits == null && (params.client_max_window_bits = !0), params;
      }
      /**
       * Accept an extension negotiation offer/response.
       *
       * @param {Array} configurations The extension negotiation offers/reponse
       * @return {Object} Accepted configuration
       * @public
       */
      accept(configurations) {
        return configurations = this.normalizeParams(configurations), this.params = this._isServer ? this.acceptAsServer(configurations) : this.acceptAsClient(configurations), this.params;
      }
      /**
       * Releases all resources used by the extension.
       *
       * @public
       */
      cleanup() {
        if (this._inflate && (this._inflate.close(), this._inflate = null), this._deflate) {
          let callback = this._deflate[kCallback];
          this._deflate.close(), this._deflate = null, callback && callback(
            new Error(
              "The deflate stream was closed while data was being processed"
            )
          );
        }
      }
      /**
       *  Accept an extension negotiation offer.
       *
       * @param {Array} offers The extension negotiation offers
       * @return {Object} Accepted configuration
       * @private
       */
      acceptAsServer(offers) {
        let opts = this._options, accepted = offers.find((params) => !(opts.serverNoContextTakeover === !1 && params.server_no_context_takeover || params.server_max_window_bits && (opts.serverMaxWindowBits === !1 || typeof opts.serverMaxWindowBits == "number" && opts.serverMaxWindowBits > params.server_max_window_bits) || typeof opts.clientMaxWindowBits == "number" && (typeof params.client_max_window_bits == "number" ? opts.clientMaxWindowBits > params.client_max_window_bits : !params.client_max_window_bits)));
        if (!accepted)
          throw new Error("None of the extension offers can be accepted");
        return opts.serverNoContextTakeover && (accepted.server_no_context_takeover = !0), opts.clientNoContextTakeover && (accepted.client_no_context_takeover = !0), typeof opts.serverMaxWindowBits == "number" && (accepted.server_max_window_bits = opts.serverMaxWindowBits), typeof opts.clientMaxWindowBits == "number" ? accepted.client_max_window_bits = opts.clientMaxWindowBits : (accepted.client_max_window_bits === !0 || opts.clientMaxWindowBits === !1) && delete accepted.client_max_window_bits, accepted;
      }
      /**
       * Accept the extension negotiation response.
       *
       * @param {Array} response The extension negotiation response
       * @return {Object} Accepted configuration
       * @private
       */
      acceptAsClient(response) {
        let params = response[0];
        if (this._options.clientNoContextTakeover === !1 && params.client_no_context_takeover)
          throw new Error('Unexpected parameter "client_no_context_takeover"');
        if (!params.client_max_window_bits)
          typeof this._options.clientMaxWindowBits == "number" && (params.client_max_window_bits = this._options.clientMaxWindowBits);
        else if (this._options.clientMaxWindowBits === !1 || typeof this._options.clientMaxWindowBits == "number" && params.client_max_window_bits > this._options.clientMaxWindowBits)
          throw new Error(
            'Unexpected or invalid parameter "client_max_window_bits"'
          );
        return params;
      }
      /**
       * Normalize parameters.
       *
       * @param {Array} configurations The extension negotiation offers/reponse
       * @return {Array} The offers/response with normalized parameters
       * @private
       */
      normalizeParams(configurations) {
        return configurations.forEach((params) => {
          Object.keys(params).forEach((key) => {
            let value = params[key];
            if (value.length > 1)
              throw new Error(`Parameter "${key}" must have only a single value`);
            if (value = value[0], key === "client_max_window_bits") {
              if (value !== !0) {
                let num = +value;
                if (!Number.isInteger(num) || num < 8 || num > 15)
                  throw new TypeError(
                    `Invalid value for parameter "${key}": ${value}`
                  );
                value = num;
              } else if (!this._isServer)
                throw new TypeError(
                  `Invalid value for parameter "${key}": ${value}`
                );
            } else if (key === "server_max_window_bits") {
              let num = +value;
              if (!Number.isInteger(num) || num < 8 || num > 15)
                throw new TypeError(
                  `Invalid value for parameter "${key}": ${value}`
                );
              value = num;
            } else if (key === "client_no_context_takeover" || key === "server_no_context_takeover") {
              if (value !== !0)
                throw new TypeError(
                  `Invalid value for parameter "${key}": ${value}`
                );
            } else
              throw new Error(`Unknown parameter "${key}"`);
            params[key] = value;
          });
        }), configurations;
      }
      /**
       * Decompress data. Concurrency limited.
       *
       * @param {Buffer} data Compressed data
       * @param {Boolean} fin Specifies whether or not this is the last fragment
       * @param {Function} callback Callback
       * @public
       */
      decompress(data, fin, callback) {
        zlibLimiter.add((done) => {
          this._decompress(data, fin, (err, result) => {
            done(), callback(err, result);
          });
        });
      }
      /**
       * Compress data. Concurrency limited.
       *
       * @param {(Buffer|String)} data Data to compress
       * @param {Boolean} fin Specifies whether or not this is the last fragment
       * @param {Function} callback Callback
       * @public
       */
      compress(data, fin, callback) {
        zlibLimiter.add((done) => {
          this._compress(data, fin, (err, result) => {
            done(), callback(err, result);
          });
        });
      }
      /**
       * Decompress data.
       *
       * @param {Buffer} data Compressed data
       * @param {Boolean} fin Specifies whether or not this is the last fragment
       * @param {Function} callback Callback
       * @private
       */
      _decompress(data, fin, callback) {
        let endpoint = this._isServer ? "client" : "server";
        if (!this._inflate) {
          let key = `${endpoint}_max_window_bits`, windowBits = typeof this.params[key] != "number" ? zlib.Z_DEFAULT_WINDOWBITS : this.params[key];
          this._inflate = zlib.createInflateRaw({
            ...this._options.zlibInflateOptions,
            windowBits
          }), this._inflate[kPerMessageDeflate] = this, this._inflate[kTotalLength] = 0, this._inflate[kBuffers] = [], this._inflate.on("error", inflateOnError), this._inflate.on("data", inflateOnData);
        }
        this._inflate[kCallback] = callback, this._inflate.write(data), fin && this._inflate.write(TRAILER), this._inflate.flush(() => {
          let err = this._inflate[kError];
          if (err) {
            this._inflate.close(), this._inflate = null, callback(err);
            return;
          }
          let data2 = bufferUtil.concat(
            this._inflate[kBuffers],
            this._inflate[kTotalLength]
          );
          this._inflate._readableState.endEmitted ? (this._inflate.close(), this._inflate = null) : (this._inflate[kTotalLength] = 0, this._inflate[kBuffers] = [], fin && this.params[`${endpoint}_no_context_takeover`] && this._inflate.reset()), callback(null, data2);
        });
      }
      /**
       * Compress data.
       *
       * @param {(Buffer|String)} data Data to compress
       * @param {Boolean} fin Specifies whether or not this is the last fragment
       * @param {Function} callback Callback
       * @private
       */
      _compress(data, fin, callback) {
        let endpoint = this._isServer ? "server" : "client";
        if (!this._deflate) {
          let key = `${endpoint}_max_window_bits`, windowBits = typeof this.params[key] != "number" ? zlib.Z_DEFAULT_WINDOWBITS : this.params[key];
          this._deflate = zlib.createDeflateRaw({
            ...this._options.zlibDeflateOptions,
            windowBits
          }), this._deflate[kTotalLength] = 0, this._deflate[kBuffers] = [], this._deflate.on("data", deflateOnData);
        }
        this._deflate[kCallback] = callback, this._deflate.write(data), this._deflate.flush(zlib.Z_SYNC_FLUSH, () => {
          if (!this._deflate)
            return;
          let data2 = bufferUtil.concat(
            this._deflate[kBuffers],
            this._deflate[kTotalLength]
          );
          fin && (data2 = new FastBuffer(data2.buffer, data2.byteOffset, data2.length - 4)), this._deflate[kCallback] = null, this._deflate[kTotalLength] = 0, this._deflate[kBuffers] = [], fin && this.params[`${endpoint}_no_context_takeover`] && this._deflate.reset(), callback(null, data2);
        });
      }
    };
    module.exports = PerMessageDeflate2;
    function deflateOnData(chunk) {
      this[kBuffers].push(chunk), this[kTotalLength] += chunk.length;
    }
    function inflateOnData(chunk) {
      if (this[kTotalLength] += chunk.length, this[kPerMessageDeflate]._maxPayload < 1 || this[kTotalLength] <= this[kPerMessageDeflate]._maxPayload) {
        this[kBuffers].push(chunk);
        return;
      }
      this[kError] = new RangeError("Max payload size exceeded"), this[kError].code = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", this[kError][kStatusCode] = 1009, this.removeListener("data", inflateOnData), this.reset();
    }
    function inflateOnError(err) {
      if (this[kPerMessageDeflate]._inflate = null, this[kError]) {
        this[kCallback](this[kError]);
        return;
      }
      err[kStatusCode] = 1007, this[kCallback](err);
    }
  }
});

// node_modules/ws/lib/validation.js
var require_validation = __commonJS({
  "node_modules/ws/lib/validation.js"(exports, module) {
    "use strict";
    var { isUtf8 } = __require("buffer"), { hasBlob } = require_constants(), tokenChars = [
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      // 0 - 15
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      // 16 - 31
      0,
      1,
      0,
      1,
      1,
      1,
      1,
      1,
      0,
      0,
      1,
      1,
      0,
      1,
      1,
      0,
      // 32 - 47
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      // 48 - 63
      0,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      // 64 - 79
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      0,
      0,
      0,
      1,
      1,
      // 80 - 95
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      // 96 - 111
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      1,
      0,
      1,
      0,
      1,
      0
      // 112 - 127
    ];
    function isValidStatusCode(code) {
      return code >= 1e3 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006 || code >= 3e3 && code <= 4999;
    }
    function _isValidUTF8(buf) {
      let len = buf.length, i = 0;
      for (; i < len; )
        if ((buf[i] & 128) === 0)
          i++;
        else if ((buf[i] & 224) === 192) {
          if (i + 1 === len || (buf[i + 1] & 192) !== 128 || (buf[i] & 254) === 192)
            return !1;
          i += 2;
        } else if ((buf[i] & 240) === 224) {
          if (i + 2 >= len || (buf[i + 1] & 192) !== 128 || (buf[i + 2] & 192) !== 128 || buf[i] === 224 && (buf[i + 1] & 224) === 128 || // Overlong
          buf[i] === 237 && (buf[i + 1] & 224) === 160)
            return !1;
          i += 3;
        } else if ((buf[i] & 248) === 240) {
          if (i + 3 >= len || (buf[i + 1] & 192) !== 128 || (buf[i + 2] & 192) !== 128 || (buf[i + 3] & 192) !== 128 || buf[i] === 240 && (buf[i + 1] & 240) === 128 || // Overlong
          buf[i] === 244 && buf[i + 1] > 143 || buf[i] > 244)
            return !1;
          i += 4;
        } else
          return !1;
      return !0;
    }
    function isBlob(value) {
      return hasBlob && typeof value == "object" && typeof value.arrayBuffer == "function" && typeof value.type == "string" && typeof value.stream == "function" && (value[Symbol.toStringTag] === "Blob" || value[Symbol.toStringTag] === "File");
    }
    module.exports = {
      isBlob,
      isValidStatusCode,
      isValidUTF8: _isValidUTF8,
      tokenChars
    };
    if (isUtf8)
      module.exports.isValidUTF8 = function(buf) {
        return buf.length < 24 ? _isValidUTF8(buf) : isUtf8(buf);
      };
    else if (!process.env.WS_NO_UTF_8_VALIDATE)
      try {
        let isValidUTF8 = __require("utf-8-validate");
        module.exports.isValidUTF8 = function(buf) {
          return buf.length < 32 ? _isValidUTF8(buf) : isValidUTF8(buf);
        };
      } catch {
      }
  }
});

// node_modules/ws/lib/receiver.js
var require_receiver = __commonJS({
  "node_modules/ws/lib/receiver.js"(exports, module) {
    "use strict";
    var { Writable } = __require("stream"), PerMessageDeflate2 = require_permessage_deflate(), {
      BINARY_TYPES,
      EMPTY_BUFFER,
      kStatusCode,
      kWebSocket
    } = require_constants(), { concat, toArrayBuffer, unmask } = require_buffer_util(), { isValidStatusCode, isValidUTF8 } = require_validation(), FastBuffer = Buffer[Symbol.species], GET_INFO = 0, GET_PAYLOAD_LENGTH_16 = 1, GET_PAYLOAD_LENGTH_64 = 2, GET_MASK = 3, GET_DATA = 4, INFLATING = 5, DEFER_EVENT = 6, Receiver2 = class extends Writable {
      /**
       * Creates a Receiver instance.
       *
       * @param {Object} [options] Options object
       * @param {Boolean} [options.allowSynchronousEvents=true] Specifies whether
       *     any of the `'message'`, `'ping'`, and `'pong'` events can be emitted
       *     multiple times in the same tick
       * @param {String} [options.binaryType=nodebuffer] The type for binary data
       * @param {Object} [options.extensions] An object containing the negotiated
       *     extensions
       * @param {Boolean} [options.isServer=false] Specifies whether to operate in
       *     client or server mode
       * @param {Number} [options.maxBufferedChunks=0] The maximum number of
       *     buffered data chunks
       * @param {Number} [options.maxFragments=0] The maximum number of message
       *     fragments
       * @param {Number} [options.maxPayload=0] The maximum allowed message length
       * @param {Boolean} [options.skipUTF8Validation=false] Specifies whether or
       *     not to skip UTF-8 validation for text and close messages
       */
      constructor(options = {}) {
        super(), this._allowSynchronousEvents = options.allowSynchronousEvents !== void 0 ? options.allowSynchronousEvents : !0, this._binaryType = options.binaryType || BINARY_TYPES[0], this._extensions = options.extensions || {}, this._isServer = !!options.isServer, this._maxBufferedChunks = options.maxBufferedChunks | 0, this._maxFragments = options.maxFragments | 0, this._maxPayload = options.maxPayload | 0, this._skipUTF8Validation = !!options.skipUTF8Validation, this[kWebSocket] = void 0, this._bufferedBytes = 0, this._buffers = [], this._compressed = !1, this._payloadLength = 0, this._mask = void 0, this._fragmented = 0, this._masked = !1, this._fin = !1, this._opcode = 0, this._totalPayloadLength = 0, this._messageLength = 0, this._numFragments = 0, this._fragments = [], this._errored = !1, this._loop = !1, this._state = GET_INFO;
      }
      /**
       * Implements `Writable.prototype._write()`.
       *
       * @param {Buffer} chunk The chunk of data to write
       * @param {String} encoding The character encoding of `chunk`
       * @param {Function} cb Callback
       * @private
       */
      _write(chunk, encoding, cb) {
        if (this._opcode === 8 && this._state == GET_INFO) return cb();
        if (this._maxBufferedChunks > 0 && this._buffers.length >= this._maxBufferedChunks) {
          cb(
            this.createError(
              RangeError,
              "Too many buffered chunks",
              !1,
              1008,
              "WS_ERR_TOO_MANY_BUFFERED_PARTS"
            )
          );
          return;
        }
        this._bufferedBytes += chunk.length, this._buffers.push(chunk), this.startLoop(cb);
      }
      /**
       * Consumes `n` bytes from the buffered data.
       *
       * @param {Number} n The number of bytes to consume
       * @return {Buffer} The consumed bytes
       * @private
       */
      consume(n) {
        if (this._bufferedBytes -= n, n === this._buffers[0].length) return this._buffers.shift();
        if (n < this._buffers[0].length) {
          let buf = this._buffers[0];
          return this._buffers[0] = new FastBuffer(
            buf.buffer,
            buf.byteOffset + n,
            buf.length - n
          ), new FastBuffer(buf.buffer, buf.byteOffset, n);
        }
        let dst = Buffer.allocUnsafe(n);
        do {
          let buf = this._buffers[0], offset = dst.length - n;
          n >= buf.length ? dst.set(this._buffers.shift(), offset) : (dst.set(new Uint8Array(buf.buffer, buf.byteOffset, n), offset), this._buffers[0] = new FastBuffer(
            buf.buffer,
            buf.byteOffset + n,
            buf.length - n
          )), n -= buf.length;
        } while (n > 0);
        return dst;
      }
      /**
       * Starts the parsing loop.
       *
       * @param {Function} cb Callback
       * @private
       */
      startLoop(cb) {
        this._loop = !0;
        do
          switch (this._state) {
            case GET_INFO:
              this.getInfo(cb);
              break;
            case GET_PAYLOAD_LENGTH_16:
              this.getPayloadLength16(cb);
              break;
            case GET_PAYLOAD_LENGTH_64:
              this.getPayloadLength64(cb);
              break;
            case GET_MASK:
              this.getMask();
              break;
            case GET_DATA:
              this.getData(cb);
              break;
            case INFLATING:
            case DEFER_EVENT:
              this._loop = !1;
              return;
          }
        while (this._loop);
        this._errored || cb();
      }
      /**
       * Reads the first two bytes of a frame.
       *
       * @param {Function} cb Callback
       * @private
       */
      getInfo(cb) {
        if (this._bufferedBytes < 2) {
          this._loop = !1;
          return;
        }
        let buf = this.consume(2);
        if ((buf[0] & 48) !== 0) {
          let error = this.createError(
            RangeError,
            "RSV2 and RSV3 must be clear",
            !0,
            1002,
            "WS_ERR_UNEXPECTED_RSV_2_3"
          );
          cb(error);
          return;
        }
        let compressed = (buf[0] & 64) === 64;
        if (compressed && !this._extensions[PerMessageDeflate2.extensionName]) {
          let error = this.createError(
            RangeError,
            "RSV1 must be clear",
            !0,
            1002,
            "WS_ERR_UNEXPECTED_RSV_1"
          );
          cb(error);
          return;
        }
        if (this._fin = (buf[0] & 128) === 128, this._opcode = buf[0] & 15, this._payloadLength = buf[1] & 127, this._opcode === 0) {
          if (compressed) {
            let error = this.createError(
              RangeError,
              "RSV1 must be clear",
              !0,
              1002,
              "WS_ERR_UNEXPECTED_RSV_1"
            );
            cb(error);
            return;
          }
          if (!this._fragmented) {
            let error = this.createError(
              RangeError,
              "invalid opcode 0",
              !0,
              1002,
              "WS_ERR_INVALID_OPCODE"
            );
            cb(error);
            return;
          }
          this._opcode = this._fragmented;
        } else if (this._opcode === 1 || this._opcode === 2) {
          if (this._fragmented) {
            let error = this.createError(
              RangeError,
              `invalid opcode ${this._opcode}`,
              !0,
              1002,
              "WS_ERR_INVALID_OPCODE"
            );
            cb(error);
            return;
          }
          this._compressed = compressed;
        } else if (this._opcode > 7 && this._opcode < 11) {
          if (!this._fin) {
            let error = this.createError(
              RangeError,
              "FIN must be set",
              !0,
              1002,
              "WS_ERR_EXPECTED_FIN"
            );
            cb(error);
            return;
          }
          if (compressed) {
            let error = this.createError(
              RangeError,
              "RSV1 must be clear",
              !0,
              1002,
              "WS_ERR_UNEXPECTED_RSV_1"
            );
            cb(error);
            return;
          }
          if (this._payloadLength > 125 || this._opcode === 8 && this._payloadLength === 1) {
            let error = this.createError(
              RangeError,
              `invalid payload length ${this._payloadLength}`,
              !0,
              1002,
              "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"
            );
            cb(error);
            return;
          }
        } else {
          let error = this.createError(
            RangeError,
            `invalid opcode ${this._opcode}`,
            !0,
            1002,
            "WS_ERR_INVALID_OPCODE"
          );
          cb(error);
          return;
        }
        if (!this._fin && !this._fragmented && (this._fragmented = this._opcode), this._masked = (buf[1] & 128) === 128, this._isServer) {
          if (!this._masked) {
            let error = this.createError(
              RangeError,
              "MASK must be set",
              !0,
              1002,
              "WS_ERR_EXPECTED_MASK"
            );
            cb(error);
            return;
          }
        } else if (this._masked) {
          let error = this.createError(
            RangeError,
            "MASK must be clear",
            !0,
            1002,
            "WS_ERR_UNEXPECTED_MASK"
          );
          cb(error);
          return;
        }
        this._payloadLength === 126 ? this._state = GET_PAYLOAD_LENGTH_16 : this._payloadLength === 127 ? this._state = GET_PAYLOAD_LENGTH_64 : this.haveLength(cb);
      }
      /**
       * Gets extended payload length (7+16).
       *
       * @param {Function} cb Callback
       * @private
       */
      getPayloadLength16(cb) {
        if (this._bufferedBytes < 2) {
          this._loop = !1;
          return;
        }
        this._payloadLength = this.consume(2).readUInt16BE(0), this.haveLength(cb);
      }
      /**
       * Gets extended payload length (7+64).
       *
       * @param {Function} cb Callback
       * @private
       */
      getPayloadLength64(cb) {
        if (this._bufferedBytes < 8) {
          this._loop = !1;
          return;
        }
        let buf = this.consume(8), num = buf.readUInt32BE(0);
        if (num > Math.pow(2, 21) - 1) {
          let error = this.createError(
            RangeError,
            "Unsupported WebSocket frame: payload length > 2^53 - 1",
            !1,
            1009,
            "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"
          );
          cb(error);
          return;
        }
        this._payloadLength = num * Math.pow(2, 32) + buf.readUInt32BE(4), this.haveLength(cb);
      }
      /**
       * Payload length has been read.
       *
       * @param {Function} cb Callback
       * @private
       */
      haveLength(cb) {
        if (this._payloadLength && this._opcode < 8 && (this._totalPayloadLength += this._payloadLength, this._totalPayloadLength > this._maxPayload && this._maxPayload > 0)) {
          let error = this.createError(
            RangeError,
            "Max payload size exceeded",
            !1,
            1009,
            "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"
          );
          cb(error);
          return;
        }
        this._masked ? this._state = GET_MASK : this._state = GET_DATA;
      }
      /**
       * Reads mask bytes.
       *
       * @private
       */
      getMask() {
        if (this._bufferedBytes < 4) {
          this._loop = !1;
          return;
        }
        this._mask = this.consume(4), this._state = GET_DATA;
      }
      /**
       * Reads data bytes.
       *
       * @param {Function} cb Callback
       * @private
       */
      getData(cb) {
        let data = EMPTY_BUFFER;
        if (this._payloadLength) {
          if (this._bufferedBytes < this._payloadLength) {
            this._loop = !1;
            return;
          }
          data = this.consume(this._payloadLength), this._masked && (this._mask[0] | this._mask[1] | this._mask[2] | this._mask[3]) !== 0 && unmask(data, this._mask);
        }
        if (this._mask = void 0, this._opcode > 7) {
          this.controlMessage(data, cb);
          return;
        }
        if (this._maxFragments > 0 && ++this._numFragments > this._maxFragments) {
          let error = this.createError(
            RangeError,
            "Too many message fragments",
            !1,
            1008,
            "WS_ERR_TOO_MANY_BUFFERED_PARTS"
          );
          cb(error);
          return;
        }
        if (this._compressed) {
          this._state = INFLATING, this.decompress(data, cb);
          return;
        }
        data.length && (this._messageLength = this._totalPayloadLength, this._fragments.push(data)), this.dataMessage(cb);
      }
      /**
       * Decompresses data.
       *
       * @param {Buffer} data Compressed data
       * @param {Function} cb Callback
       * @private
       */
      decompress(data, cb) {
        this._extensions[PerMessageDeflate2.extensionName].decompress(data, this._fin, (err, buf) => {
          if (err) return cb(err);
          if (buf.length) {
            if (this._messageLength += buf.length, this._messageLength > this._maxPayload && this._maxPayload > 0) {
              let error = this.createError(
                RangeError,
                "Max payload size exceeded",
                !1,
                1009,
                "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"
              );
              cb(error);
              return;
            }
            this._fragments.push(buf);
          }
          this.dataMessage(cb), this._state === GET_INFO && this.startLoop(cb);
        });
      }
      /**
       * Handles a data message.
       *
       * @param {Function} cb Callback
       * @private
       */
      dataMessage(cb) {
        if (!this._fin) {
          this._state = GET_INFO;
          return;
        }
        let messageLength = this._messageLength, fragments = this._fragments;
        if (this._totalPayloadLength = 0, this._messageLength = 0, this._fragmented = 0, this._numFragments = 0, this._fragments = [], this._opcode === 2) {
          let data;
          this._binaryType === "nodebuffer" ? data = concat(fragments, messageLength) : this._binaryType === "arraybuffer" ? data = toArrayBuffer(concat(fragments, messageLength)) : this._binaryType === "blob" ? data = new Blob(fragments) : data = fragments, this._allowSynchronousEvents ? (this.emit("message", data, !0), this._state = GET_INFO) : (this._state = DEFER_EVENT, setImmediate(() => {
            this.emit("message", data, !0), this._state = GET_INFO, this.startLoop(cb);
          }));
        } else {
          let buf = concat(fragments, messageLength);
          if (!this._skipUTF8Validation && !isValidUTF8(buf)) {
            let error = this.createError(
              Error,
              "invalid UTF-8 sequence",
              !0,
              1007,
              "WS_ERR_INVALID_UTF8"
            );
            cb(error);
            return;
          }
          this._state === INFLATING || this._allowSynchronousEvents ? (this.emit("message", buf, !1), this._state = GET_INFO) : (this._state = DEFER_EVENT, setImmediate(() => {
            this.emit("message", buf, !1), this._state = GET_INFO, this.startLoop(cb);
          }));
        }
      }
      /**
       * Handles a control message.
       *
       * @param {Buffer} data Data to handle
       * @return {(Error|RangeError|undefined)} A possible error
       * @private
       */
      controlMessage(data, cb) {
        if (this._opcode === 8) {
          if (data.length === 0)
            this._loop = !1, this.emit("conclude", 1005, EMPTY_BUFFER), this.end();
          else {
            let code = data.readUInt16BE(0);
            if (!isValidStatusCode(code)) {
              let error = this.createError(
                RangeError,
                `invalid status code ${code}`,
                !0,
                1002,
                "WS_ERR_INVALID_CLOSE_CODE"
              );
              cb(error);
              return;
            }
            let buf = new FastBuffer(
              data.buffer,
              data.byteOffset + 2,
              data.length - 2
            );
            if (!this._skipUTF8Validation && !isValidUTF8(buf)) {
              let error = this.createError(
                Error,
                "invalid UTF-8 sequence",
                !0,
                1007,
                "WS_ERR_INVALID_UTF8"
              );
              cb(error);
              return;
            }
            this._loop = !1, this.emit("conclude", code, buf), this.end();
          }
          this._state = GET_INFO;
          return;
        }
        this._allowSynchronousEvents ? (this.emit(this._opcode === 9 ? "ping" : "pong", data), this._state = GET_INFO) : (this._state = DEFER_EVENT, setImmediate(() => {
          this.emit(this._opcode === 9 ? "ping" : "pong", data), this._state = GET_INFO, this.startLoop(cb);
        }));
      }
      /**
       * Builds an error object.
       *
       * @param {function(new:Error|RangeError)} ErrorCtor The error constructor
       * @param {String} message The error message
       * @param {Boolean} prefix Specifies whether or not to add a default prefix to
       *     `message`
       * @param {Number} statusCode The status code
       * @param {String} errorCode The exposed error code
       * @return {(Error|RangeError)} The error
       * @private
       */
      createError(ErrorCtor, message, prefix, statusCode, errorCode) {
        this._loop = !1, this._errored = !0;
        let err = new ErrorCtor(
          prefix ? `Invalid WebSocket frame: ${message}` : message
        );
        return Error.captureStackTrace(err, this.createError), err.code = errorCode, err[kStatusCode] = statusCode, err;
      }
    };
    module.exports = Receiver2;
  }
});

// node_modules/ws/lib/sender.js
var require_sender = __commonJS({
  "node_modules/ws/lib/sender.js"(exports, module) {
    "use strict";
    var { Duplex } = __require("stream"), { randomFillSync } = __require("crypto"), {
      types: { isUint8Array }
    } = __require("util"), PerMessageDeflate2 = require_permessage_deflate(), { EMPTY_BUFFER, kWebSocket, NOOP: NOOP2 } = require_constants(), { isBlob, isValidStatusCode } = require_validation(), { mask: applyMask, toBuffer } = require_buffer_util(), kByteLength = /* @__PURE__ */ Symbol("kByteLength"), maskBuffer = Buffer.alloc(4), RANDOM_POOL_SIZE = 8 * 1024, randomPool, randomPoolPointer = RANDOM_POOL_SIZE, DEFAULT = 0, DEFLATING = 1, GET_BLOB_DATA = 2, Sender2 = class _Sender {
      /**
       * Creates a Sender instance.
       *
       * @param {Duplex} socket The connection socket
       * @param {Object} [extensions] An object containing the negotiated extensions
       * @param {Function} [generateMask] The function used to generate the masking
       *     key
       */
      constructor(socket, extensions, generateMask) {
        this._extensions = extensions || {}, generateMask && (this._generateMask = generateMask, this._maskBuffer = Buffer.alloc(4)), this._socket = socket, this._firstFragment = !0, this._compress = !1, this._bufferedBytes = 0, this._queue = [], this._state = DEFAULT, this.onerror = NOOP2, this[kWebSocket] = void 0;
      }
      /**
       * Frames a piece of data according to the HyBi WebSocket protocol.
       *
       * @param {(Buffer|String)} data The data to frame
       * @param {Object} options Options object
       * @param {Boolean} [options.fin=false] Specifies whether or not to set the
       *     FIN bit
       * @param {Function} [options.generateMask] The function used to generate the
       *     masking key
       * @param {Boolean} [options.mask=false] Specifies whether or not to mask
       *     `data`
       * @param {Buffer} [options.maskBuffer] The buffer used to store the masking
       *     key
       * @param {Number} options.opcode The opcode
       * @param {Boolean} [options.readOnly=false] Specifies whether `data` can be
       *     modified
       * @param {Boolean} [options.rsv1=false] Specifies whether or not to set the
       *     RSV1 bit
       * @return {(Buffer|String)[]} The framed data
       * @public
       */
      static frame(data, options) {
        let mask, merge = !1, offset = 2, skipMasking = !1;
        options.mask && (mask = options.maskBuffer || maskBuffer, options.generateMask ? options.generateMask(mask) : (randomPoolPointer === RANDOM_POOL_SIZE && (randomPool === void 0 && (randomPool = Buffer.alloc(RANDOM_POOL_SIZE)), randomFillSync(randomPool, 0, RANDOM_POOL_SIZE), randomPoolPointer = 0), mask[0] = randomPool[randomPoolPointer++], mask[1] = randomPool[randomPoolPointer++], mask[2] = randomPool[randomPoolPointer++], mask[3] = randomPool[randomPoolPointer++]), skipMasking = (mask[0] | mask[1] | mask[2] | mask[3]) === 0, offset = 6);
        let dataLength;
        typeof data == "string" ? (!options.mask || skipMasking) && options[kByteLength] !== void 0 ? dataLength = options[kByteLength] : (data = Buffer.from(data), dataLength = data.length) : (dataLength = data.length, merge = options.mask && options.readOnly && !skipMasking);
        let payloadLength = dataLength;
        dataLength >= 65536 ? (offset += 8, payloadLength = 127) : dataLength > 125 && (offset += 2, payloadLength = 126);
        let target = Buffer.allocUnsafe(merge ? dataLength + offset : offset);
        return target[0] = options.fin ? options.opcode | 128 : options.opcode, options.rsv1 && (target[0] |= 64), target[1] = payloadLength, payloadLength === 126 ? target.writeUInt16BE(dataLength, 2) : payloadLength === 127 && (target[2] = target[3] = 0, target.writeUIntBE(dataLength, 4, 6)), options.mask ? (target[1] |= 128, target[offset - 4] = mask[0], target[offset - 3] = mask[1], target[offset - 2] = mask[2], target[offset - 1] = mask[3], dataLength ? skipMasking ? [target, data] : merge ? (applyMask(data, mask, target, offset, dataLength), [target]) : (applyMask(data, mask, data, 0, dataLength), [target, data]) : [target]) : dataLength ? [target, data] : [target];
      }
      /**
       * Sends a close message to the other peer.
       *
       * @param {Number} [code] The status code component of the body
       * @param {(String|Buffer)} [data] The message component of the body
       * @param {Boolean} [mask=false] Specifies whether or not to mask the message
       * @param {Function} [cb] Callback
       * @public
       */
      close(code, data, mask, cb) {
        let buf;
        if (code === void 0)
          buf = EMPTY_BUFFER;
        else {
          if (typeof code != "number" || !isValidStatusCode(code))
            throw new TypeError("First argument must be a valid error code number");
          if (data === void 0 || !data.length)
            buf = Buffer.allocUnsafe(2), buf.writeUInt16BE(code, 0);
          else {
            let length = Buffer.byteLength(data);
            if (length > 123)
              throw new RangeError("The message must not be greater than 123 bytes");
            if (buf = Buffer.allocUnsafe(2 + length), buf.writeUInt16BE(code, 0), typeof data == "string")
              buf.write(data, 2);
            else if (isUint8Array(data))
              buf.set(data, 2);
            else
              throw new TypeError("Second argument must be a string or a Uint8Array");
          }
        }
        let options = {
          [kByteLength]: buf.length,
          fin: !0,
          generateMask: this._generateMask,
          mask,
          maskBuffer: this._maskBuffer,
          opcode: 8,
          readOnly: !1,
          rsv1: !1
        };
        this._state !== DEFAULT ? this.enqueue([this.dispatch, buf, !1, options, cb]) : this.sendFrame(_Sender.frame(buf, options), cb);
      }
      /**
       * Sends a ping message to the other peer.
       *
       * @param {*} data The message to send
       * @param {Boolean} [mask=false] Specifies whether or not to mask `data`
       * @param {Function} [cb] Callback
       * @public
       */
      ping(data, mask, cb) {
        let byteLength, readOnly;
        if (typeof data == "string" ? (byteLength = Buffer.byteLength(data), readOnly = !1) : isBlob(data) ? (byteLength = data.size, readOnly = !1) : (data = toBuffer(data), byteLength = data.length, readOnly = toBuffer.readOnly), byteLength > 125)
          throw new RangeError("The data size must not be greater than 125 bytes");
        let options = {
          [kByteLength]: byteLength,
          fin: !0,
          generateMask: this._generateMask,
          mask,
          maskBuffer: this._maskBuffer,
          opcode: 9,
          readOnly,
          rsv1: !1
        };
        isBlob(data) ? this._state !== DEFAULT ? this.enqueue([this.getBlobData, data, !1, options, cb]) : this.getBlobData(data, !1, options, cb) : this._state !== DEFAULT ? this.enqueue([this.dispatch, data, !1, options, cb]) : this.sendFrame(_Sender.frame(data, options), cb);
      }
      /**
       * Sends a pong message to the other peer.
       *
       * @param {*} data The message to send
       * @param {Boolean} [mask=false] Specifies whether or not to mask `data`
       * @param {Function} [cb] Callback
       * @public
       */
      pong(data, mask, cb) {
        let byteLength, readOnly;
        if (typeof data == "string" ? (byteLength = Buffer.byteLength(data), readOnly = !1) : isBlob(data) ? (byteLength = data.size, readOnly = !1) : (data = toBuffer(data), byteLength = data.length, readOnly = toBuffer.readOnly), byteLength > 125)
          throw new RangeError("The data size must not be greater than 125 bytes");
        let options = {
          [kByteLength]: byteLength,
          fin: !0,
          generateMask: this._generateMask,
          mask,
          maskBuffer: this._maskBuffer,
          opcode: 10,
          readOnly,
          rsv1: !1
        };
        isBlob(data) ? this._state !== DEFAULT ? this.enqueue([this.getBlobData, data, !1, options, cb]) : this.getBlobData(data, !1, options, cb) : this._state !== DEFAULT ? this.enqueue([this.dispatch, data, !1, options, cb]) : this.sendFrame(_Sender.frame(data, options), cb);
      }
      /**
       * Sends a data message to the other peer.
       *
       * @param {*} data The message to send
       * @param {Object} options Options object
       * @param {Boolean} [options.binary=false] Specifies whether `data` is binary
       *     or text
       * @param {Boolean} [options.compress=false] Specifies whether or not to
       *     compress `data`
       * @param {Boolean} [options.fin=false] Specifies whether the fragment is the
       *     last one
       * @param {Boolean} [options.mask=false] Specifies whether or not to mask
       *     `data`
       * @param {Function} [cb] Callback
       * @public
       */
      send(data, options, cb) {
        let perMessageDeflate = this._extensions[PerMessageDeflate2.extensionName], opcode = options.binary ? 2 : 1, rsv1 = options.compress, byteLength, readOnly;
        typeof data == "string" ? (byteLength = Buffer.byteLength(data), readOnly = !1) : isBlob(data) ? (byteLength = data.size, readOnly = !1) : (data = toBuffer(data), byteLength = data.length, readOnly = toBuffer.readOnly), this._firstFragment ? (this._firstFragment = !1, rsv1 && perMessageDeflate && perMessageDeflate.params[perMessageDeflate._isServer ? "server_no_context_takeover" : "client_no_context_takeover"] && (rsv1 = byteLength >= perMessageDeflate._threshold), this._compress = rsv1) : (rsv1 = !1, opcode = 0), options.fin && (this._firstFragment = !0);
        let opts = {
          [kByteLength]: byteLength,
          fin: options.fin,
          generateMask: this._generateMask,
          mask: options.mask,
          maskBuffer: this._maskBuffer,
          opcode,
          readOnly,
          rsv1
        };
        isBlob(data) ? this._state !== DEFAULT ? this.enqueue([this.getBlobData, data, this._compress, opts, cb]) : this.getBlobData(data, this._compress, opts, cb) : this._state !== DEFAULT ? this.enqueue([this.dispatch, data, this._compress, opts, cb]) : this.dispatch(data, this._compress, opts, cb);
      }
      /**
       * Gets the contents of a blob as binary data.
       *
       * @param {Blob} blob The blob
       * @param {Boolean} [compress=false] Specifies whether or not to compress
       *     the data
       * @param {Object} options Options object
       * @param {Boolean} [options.fin=false] Specifies whether or not to set the
       *     FIN bit
       * @param {Function} [options.generateMask] The function used to generate the
       *     masking key
       * @param {Boolean} [options.mask=false] Specifies whether or not to mask
       *     `data`
       * @param {Buffer} [options.maskBuffer] The buffer used to store the masking
       *     key
       * @param {Number} options.opcode The opcode
       * @param {Boolean} [options.readOnly=false] Specifies whether `data` can be
       *     modified
       * @param {Boolean} [options.rsv1=false] Specifies whether or not to set the
       *     RSV1 bit
       * @param {Function} [cb] Callback
       * @private
       */
      getBlobData(blob, compress, options, cb) {
        this._bufferedBytes += options[kByteLength], this._state = GET_BLOB_DATA, blob.arrayBuffer().then((arrayBuffer) => {
          if (this._socket.destroyed) {
            let err = new Error(
              "The socket was closed while the blob was being read"
            );
            process.nextTick(callCallbacks, this, err, cb);
            return;
          }
          this._bufferedBytes -= options[kByteLength];
          let data = toBuffer(arrayBuffer);
          compress ? this.dispatch(data, compress, options, cb) : (this._state = DEFAULT, this.sendFrame(_Sender.frame(data, options), cb), this.dequeue());
        }).catch((err) => {
          process.nextTick(onError, this, err, cb);
        });
      }
      /**
       * Dispatches a message.
       *
       * @param {(Buffer|String)} data The message to send
       * @param {Boolean} [compress=false] Specifies whether or not to compress
       *     `data`
       * @param {Object} options Options object
       * @param {Boolean} [options.fin=false] Specifies whether or not to set the
       *     FIN bit
       * @param {Function} [options.generateMask] The function used to generate the
       *     masking key
       * @param {Boolean} [options.mask=false] Specifies whether or not to mask
       *     `data`
       * @param {Buffer} [options.maskBuffer] The buffer used to store the masking
       *     key
       * @param {Number} options.opcode The opcode
       * @param {Boolean} [options.readOnly=false] Specifies whether `data` can be
       *     modified
       * @param {Boolean} [options.rsv1=false] Specifies whether or not to set the
       *     RSV1 bit
       * @param {Function} [cb] Callback
       * @private
       */
      dispatch(data, compress, options, cb) {
        if (!compress) {
          this.sendFrame(_Sender.frame(data, options), cb);
          return;
        }
        let perMessageDeflate = this._extensions[PerMessageDeflate2.extensionName];
        this._bufferedBytes += options[kByteLength], this._state = DEFLATING, perMessageDeflate.compress(data, options.fin, (_, buf) => {
          if (this._socket.destroyed) {
            let err = new Error(
              "The socket was closed while data was being compressed"
            );
            callCallbacks(this, err, cb);
            return;
          }
          this._bufferedBytes -= options[kByteLength], this._state = DEFAULT, options.readOnly = !1, this.sendFrame(_Sender.frame(buf, options), cb), this.dequeue();
        });
      }
      /**
       * Executes queued send operations.
       *
       * @private
       */
      dequeue() {
        for (; this._state === DEFAULT && this._queue.length; ) {
          let params = this._queue.shift();
          this._bufferedBytes -= params[3][kByteLength], Reflect.apply(params[0], this, params.slice(1));
        }
      }
      /**
       * Enqueues a send operation.
       *
       * @param {Array} params Send operation parameters.
       * @private
       */
      enqueue(params) {
        this._bufferedBytes += params[3][kByteLength], this._queue.push(params);
      }
      /**
       * Sends a frame.
       *
       * @param {(Buffer | String)[]} list The frame to send
       * @param {Function} [cb] Callback
       * @private
       */
      sendFrame(list, cb) {
        list.length === 2 ? (this._socket.cork(), this._socket.write(list[0]), this._socket.write(list[1], cb), this._socket.uncork()) : this._socket.write(list[0], cb);
      }
    };
    module.exports = Sender2;
    function callCallbacks(sender, err, cb) {
      typeof cb == "function" && cb(err);
      for (let i = 0; i < sender._queue.length; i++) {
        let params = sender._queue[i], callback = params[params.length - 1];
        typeof callback == "function" && callback(err);
      }
    }
    function onError(sender, err, cb) {
      callCallbacks(sender, err, cb), sender.onerror(err);
    }
  }
});

// node_modules/ws/lib/event-target.js
var require_event_target = __commonJS({
  "node_modules/ws/lib/event-target.js"(exports, module) {
    "use strict";
    var { kForOnEventAttribute, kListener } = require_constants(), kCode = /* @__PURE__ */ Symbol("kCode"), kData = /* @__PURE__ */ Symbol("kData"), kError = /* @__PURE__ */ Symbol("kError"), kMessage = /* @__PURE__ */ Symbol("kMessage"), kReason = /* @__PURE__ */ Symbol("kReason"), kTarget = /* @__PURE__ */ Symbol("kTarget"), kType = /* @__PURE__ */ Symbol("kType"), kWasClean = /* @__PURE__ */ Symbol("kWasClean"), Event = class {
      /**
       * Create a new `Event`.
       *
       * @param {String} type The name of the event
       * @throws {TypeError} If the `type` argument is not specified
       */
      constructor(type) {
        this[kTarget] = null, this[kType] = type;
      }
      /**
       * @type {*}
       */
      get target() {
        return this[kTarget];
      }
      /**
       * @type {String}
       */
      get type() {
        return this[kType];
      }
    };
    Object.defineProperty(Event.prototype, "target", { enumerable: !0 });
    Object.defineProperty(Event.prototype, "type", { enumerable: !0 });
    var CloseEvent = class extends Event {
      /**
       * Create a new `CloseEvent`.
       *
       * @param {String} type The name of the event
       * @param {Object} [options] A dictionary object that allows for setting
       *     attributes via object members of the same name
       * @param {Number} [options.code=0] The status code explaining why the
       *     connection was closed
       * @param {String} [options.reason=''] A human-readable string explaining why
       *     the connection was closed
       * @param {Boolean} [options.wasClean=false] Indicates whether or not the
       *     connection was cleanly closed
       */
      constructor(type, options = {}) {
        super(type), this[kCode] = options.code === void 0 ? 0 : options.code, this[kReason] = options.reason === void 0 ? "" : options.reason, this[kWasClean] = options.wasClean === void 0 ? !1 : options.wasClean;
      }
      /**
       * @type {Number}
       */
      get code() {
        return this[kCode];
      }
      /**
       * @type {String}
       */
      get reason() {
        return this[kReason];
      }
      /**
       * @type {Boolean}
       */
      get wasClean() {
        return this[kWasClean];
      }
    };
    Object.defineProperty(CloseEvent.prototype, "code", { enumerable: !0 });
    Object.defineProperty(CloseEvent.prototype, "reason", { enumerable: !0 });
    Object.defineProperty(CloseEvent.prototype, "wasClean", { enumerable: !0 });
    var ErrorEvent = class extends Event {
      /**
       * Create a new `ErrorEvent`.
       *
       * @param {String} type The name of the event
       * @param {Object} [options] A dictionary object that allows for setting
       *     attributes via object members of the same name
       * @param {*} [options.error=null] The error that generated this event
       * @param {String} [options.message=''] The error message
       */
      constructor(type, options = {}) {
        super(type), this[kError] = options.error === void 0 ? null : options.error, this[kMessage] = options.message === void 0 ? "" : options.message;
      }
      /**
       * @type {*}
       */
      get error() {
        return this[kError];
      }
      /**
       * @type {String}
       */
      get message() {
        return this[kMessage];
      }
    };
    Object.defineProperty(ErrorEvent.prototype, "error", { enumerable: !0 });
    Object.defineProperty(ErrorEvent.prototype, "message", { enumerable: !0 });
    var MessageEvent = class extends Event {
      /**
       * Create a new `MessageEvent`.
       *
       * @param {String} type The name of the event
       * @param {Object} [options] A dictionary object that allows for setting
       *     attributes via object members of the same name
       * @param {*} [options.data=null] The message content
       */
      constructor(type, options = {}) {
        super(type), this[kData] = options.data === void 0 ? null : options.data;
      }
      /**
       * @type {*}
       */
      get data() {
        return this[kData];
      }
    };
    Object.defineProperty(MessageEvent.prototype, "data", { enumerable: !0 });
    var EventTarget = {
      /**
       * Register an event listener.
       *
       * @param {String} type A string representing the event type to listen for
       * @param {(Function|Object)} handler The listener to add
       * @param {Object} [options] An options object specifies characteristics about
       *     the event listener
       * @param {Boolean} [options.once=false] A `Boolean` indicating that the
       *     listener should be invoked at most once after being added. If `true`,
       *     the listener would be automatically removed when invoked.
       * @public
       */
      addEventListener(type, handler, options = {}) {
        for (let listener of this.listeners(type))
          if (!options[kForOnEventAttribute] && listener[kListener] === handler && !listener[kForOnEventAttribute])
            return;
        let wrapper;
        if (type === "message")
          wrapper = function(data, isBinary) {
            let event = new MessageEvent("message", {
              data: isBinary ? data : data.toString()
            });
            event[kTarget] = this, callListener(handler, this, event);
          };
        else if (type === "close")
          wrapper = function(code, message) {
            let event = new CloseEvent("close", {
              code,
              reason: message.toString(),
              wasClean: this._closeFrameReceived && this._closeFrameSent
            });
            event[kTarget] = this, callListener(handler, this, event);
          };
        else if (type === "error")
          wrapper = function(error) {
            let event = new ErrorEvent("error", {
              error,
              message: error.message
            });
            event[kTarget] = this, callListener(handler, this, event);
          };
        else if (type === "open")
          wrapper = function() {
            let event = new Event("open");
            event[kTarget] = this, callListener(handler, this, event);
          };
        else
          return;
        wrapper[kForOnEventAttribute] = !!options[kForOnEventAttribute], wrapper[kListener] = handler, options.once ? this.once(type, wrapper) : this.on(type, wrapper);
      },
      /**
       * Remove an event listener.
       *
       * @param {String} type A string representing the event type to remove
       * @param {(Function|Object)} handler The listener to remove
       * @public
       */
      removeEventListener(type, handler) {
        for (let listener of this.listeners(type))
          if (listener[kListener] === handler && !listener[kForOnEventAttribute]) {
            this.removeListener(type, listener);
            break;
          }
      }
    };
    module.exports = {
      CloseEvent,
      ErrorEvent,
      Event,
      EventTarget,
      MessageEvent
    };
    function callListener(listener, thisArg, event) {
      typeof listener == "object" && listener.handleEvent ? listener.handleEvent.call(listener, event) : listener.call(thisArg, event);
    }
  }
});

// node_modules/ws/lib/extension.js
var require_extension = __commonJS({
  "node_modules/ws/lib/extension.js"(exports, module) {
    "use strict";
    var { tokenChars } = require_validation();
    function push(dest, name, elem) {
      dest[name] === void 0 ? dest[name] = [elem] : dest[name].push(elem);
    }
    function parse(header) {
      let offers = /* @__PURE__ */ Object.create(null), params = /* @__PURE__ */ Object.create(null), mustUnescape = !1, isEscaping = !1, inQuotes = !1, extensionName, paramName, start = -1, code = -1, end = -1, i = 0;
      for (; i < header.length; i++)
        if (code = header.charCodeAt(i), extensionName === void 0)
          if (end === -1 && tokenChars[code] === 1)
            start === -1 && (start = i);
          else if (i !== 0 && (code === 32 || code === 9))
            end === -1 && start !== -1 && (end = i);
          else if (code === 59 || code === 44) {
            if (start === -1)
              throw new SyntaxError(`Unexpected character at index ${i}`);
            end === -1 && (end = i);
            let name = header.slice(start, end);
            code === 44 ? (push(offers, name, params), params = /* @__PURE__ */ Object.create(null)) : extensionName = name, start = end = -1;
          } else
            throw new SyntaxError(`Unexpected character at index ${i}`);
        else if (paramName === void 0)
          if (end === -1 && tokenChars[code] === 1)
            start === -1 && (start = i);
          else if (code === 32 || code === 9)
            end === -1 && start !== -1 && (end = i);
          else if (code === 59 || code === 44) {
            if (start === -1)
              throw new SyntaxError(`Unexpected character at index ${i}`);
            end === -1 && (end = i), push(params, header.slice(start, end), !0), code === 44 && (push(offers, extensionName, params), params = /* @__PURE__ */ Object.create(null), extensionName = void 0), start = end = -1;
          } else if (code === 61 && start !== -1 && end === -1)
            paramName = header.slice(start, i), start = end = -1;
          else
            throw new SyntaxError(`Unexpected character at index ${i}`);
        else if (isEscaping) {
          if (tokenChars[code] !== 1)
            throw new SyntaxError(`Unexpected character at index ${i}`);
          start === -1 ? start = i : mustUnescape || (mustUnescape = !0), isEscaping = !1;
        } else if (inQuotes)
          if (tokenChars[code] === 1)
            start === -1 && (start = i);
          else if (code === 34 && start !== -1)
            inQuotes = !1, end = i;
          else if (code === 92)
            isEscaping = !0;
          else
            throw new SyntaxError(`Unexpected character at index ${i}`);
        else if (code === 34 && header.charCodeAt(i - 1) === 61)
          inQuotes = !0;
        else if (end === -1 && tokenChars[code] === 1)
          start === -1 && (start = i);
        else if (start !== -1 && (code === 32 || code === 9))
          end === -1 && (end = i);
        else if (code === 59 || code === 44) {
          if (start === -1)
            throw new SyntaxError(`Unexpected character at index ${i}`);
          end === -1 && (end = i);
          let value = header.slice(start, end);
          mustUnescape && (value = value.replace(/\\/g, ""), mustUnescape = !1), push(params, paramName, value), code === 44 && (push(offers, extensionName, params), params = /* @__PURE__ */ Object.create(null), extensionName = void 0), paramName = void 0, start = end = -1;
        } else
          throw new SyntaxError(`Unexpected character at index ${i}`);
      if (start === -1 || inQuotes || code === 32 || code === 9)
        throw new SyntaxError("Unexpected end of input");
      end === -1 && (end = i);
      let token = header.slice(start, end);
      return extensionName === void 0 ? push(offers, token, params) : (paramName === void 0 ? push(params, token, !0) : mustUnescape ? push(params, paramName, token.replace(/\\/g, "")) : push(params, paramName, token), push(offers, extensionName, params)), offers;
    }
    function format(extensions) {
      return Object.keys(extensions).map((extension2) => {
        let configurations = extensions[extension2];
        return Array.isArray(configurations) || (configurations = [configurations]), configurations.map((params) => [extension2].concat(
          Object.keys(params).map((k) => {
            let values = params[k];
            return Array.isArray(values) || (values = [values]), values.map((v) => v === !0 ? k : `${k}=${v}`).join("; ");
          })
        ).join("; ")).join(", ");
      }).join(", ");
    }
    module.exports = { format, parse };
  }
});

// node_modules/ws/lib/websocket.js
var require_websocket = __commonJS({
  "node_modules/ws/lib/websocket.js"(exports, module) {
    "use strict";
    var EventEmitter = __require("events"), https = __require("https"), http = __require("http"), net = __require("net"), querystring = __require("querystring"), tls = __require("tls"), { randomBytes, createHash: createHash2 } = __require("crypto"), { Duplex, Readable } = __require("stream"), { URL: URL2 } = __require("url"), PerMessageDeflate2 = require_permessage_deflate(), Receiver2 = require_receiver(), Sender2 = require_sender(), { isBlob } = require_validation(), {
      BINARY_TYPES,
      CLOSE_TIMEOUT,
      EMPTY_BUFFER,
      GUID,
      kForOnEventAttribute,
      kListener,
      kStatusCode,
      kWebSocket,
      NOOP: NOOP2
    } = require_constants(), {
      EventTarget: { addEventListener, removeEventListener }
    } = require_event_target(), { format, parse } = require_extension(), { toBuffer } = require_buffer_util(), kAborted = /* @__PURE__ */ Symbol("kAborted"), protocolVersions = [8, 13], readyStates = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"], subprotocolRegex = /^[!#$%&'*+\-.0-9A-Z^_`|a-z~]+$/, WebSocket2 = class _WebSocket extends EventEmitter {
      /**
       * Create a new `WebSocket`.
       *
       * @param {(String|URL)} address The URL to which to connect
       * @param {(String|String[])} [protocols] The subprotocols
       * @param {Object} [options] Connection options
       */
      constructor(address, protocols, options) {
        super(), this._binaryType = BINARY_TYPES[0], this._closeCode = 1006, this._closeFrameReceived = !1, this._closeFrameSent = !1, this._closeMessage = EMPTY_BUFFER, this._closeTimer = null, this._errorEmitted = !1, this._extensions = {}, this._paused = !1, this._protocol = "", this._readyState = _WebSocket.CONNECTING, this._receiver = null, this._sender = null, this._socket = null, address !== null ? (this._bufferedAmount = 0, this._isServer = !1, this._redirects = 0, protocols === void 0 ? !options || options.protocols === void 0 ? protocols = [] : Array.isArray(options.protocols) ? protocols = options.protocols : protocols = [options.protocols] : Array.isArray(protocols) || (typeof protocols == "object" && protocols !== null ? (options = protocols, options.protocols === void 0 ? protocols = [] : Array.isArray(options.protocols) ? protocols = options.protocols : protocols = [options.protocols]) : protocols = [protocols]), options = initAsClient(this, address, protocols, options)) : this._isServer = !0, options.autoPong && (this._autoPong = !0, this._autoPongComplete = () => autoPongComplete(this), this._pendingAutoPongs = 0, this._maxPendingAutoPongs = options.maxPendingAutoPongs | 0), this._closeTimeout = options.closeTimeout;
      }
      /**
       * For historical reasons, the custom "nodebuffer" type is used by the default
       * instead of "blob".
       *
       * @type {String}
       */
      get binaryType() {
        return this._binaryType;
      }
      set binaryType(type) {
        BINARY_TYPES.includes(type) && (this._binaryType = type, this._receiver && (this._receiver._binaryType = type));
      }
      /**
       * @type {Number}
       */
      get bufferedAmount() {
        return this._socket ? this._socket._writableState.length + this._sender._bufferedBytes : this._bufferedAmount;
      }
      /**
       * @type {String}
       */
      get extensions() {
        return Object.keys(this._extensions).join();
      }
      /**
       * @type {Boolean}
       */
      get isPaused() {
        return this._paused;
      }
      /**
       * @type {Function}
       */
      /* istanbul ignore next */
      get onclose() {
        return null;
      }
      /**
       * @type {Function}
       */
      /* istanbul ignore next */
      get onerror() {
        return null;
      }
      /**
       * @type {Function}
       */
      /* istanbul ignore next */
      get onopen() {
        return null;
      }
      /**
       * @type {Function}
       */
      /* istanbul ignore next */
      get onmessage() {
        return null;
      }
      /**
       * @type {String}
       */
      get protocol() {
        return this._protocol;
      }
      /**
       * @type {Number}
       */
      get readyState() {
        return this._readyState;
      }
      /**
       * @type {String}
       */
      get url() {
        return this._url;
      }
      /**
       * Set up the socket and the internal resources.
       *
       * @param {Duplex} socket The network socket between the server and client
       * @param {Buffer} head The first packet of the upgraded stream
       * @param {Object} options Options object
       * @param {Boolean} [options.allowSynchronousEvents=false] Specifies whether
       *     any of the `'message'`, `'ping'`, and `'pong'` events can be emitted
       *     multiple times in the same tick
       * @param {Function} [options.generateMask] The function used to generate the
       *     masking key
       * @param {Number} [options.maxBufferedChunks=0] The maximum number of
       *     buffered data chunks
       * @param {Number} [options.maxFragments=0] The maximum number of message
       *     fragments
       * @param {Number} [options.maxPayload=0] The maximum allowed message size
       * @param {Boolean} [options.skipUTF8Validation=false] Specifies whether or
       *     not to skip UTF-8 validation for text and close messages
       * @private
       */
      setSocket(socket, head, options) {
        let receiver = new Receiver2({
          allowSynchronousEvents: options.allowSynchronousEvents,
          binaryType: this.binaryType,
          extensions: this._extensions,
          isServer: this._isServer,
          maxBufferedChunks: options.maxBufferedChunks,
          maxFragments: options.maxFragments,
          maxPayload: options.maxPayload,
          skipUTF8Validation: options.skipUTF8Validation
        }), sender = new Sender2(socket, this._extensions, options.generateMask);
        this._receiver = receiver, this._sender = sender, this._socket = socket, receiver[kWebSocket] = this, sender[kWebSocket] = this, socket[kWebSocket] = this, receiver.on("conclude", receiverOnConclude), receiver.on("drain", receiverOnDrain), receiver.on("error", receiverOnError), receiver.on("message", receiverOnMessage), receiver.on("ping", receiverOnPing), receiver.on("pong", receiverOnPong), sender.onerror = senderOnError, socket.setTimeout && socket.setTimeout(0), socket.setNoDelay && socket.setNoDelay(), head.length > 0 && socket.unshift(head), socket.on("close", socketOnClose), socket.on("data", socketOnData), socket.on("end", socketOnEnd), socket.on("error", socketOnError), this._readyState = _WebSocket.OPEN, this.emit("open");
      }
      /**
       * Emit the `'close'` event.
       *
       * @private
       */
      emitClose() {
        if (!this._socket) {
          this._readyState = _WebSocket.CLOSED, this.emit("close", this._closeCode, this._closeMessage);
          return;
        }
        this._extensions[PerMessageDeflate2.extensionName] && this._extensions[PerMessageDeflate2.extensionName].cleanup(), this._receiver.removeAllListeners(), this._readyState = _WebSocket.CLOSED, this.emit("close", this._closeCode, this._closeMessage);
      }
      /**
       * Start a closing handshake.
       *
       *          +----------+   +-----------+   +----------+
       *     - - -|ws.close()|-->|close frame|-->|ws.close()|- - -
       *    |     +----------+   +-----------+   +----------+     |
       *          +----------+   +-----------+         |
       * CLOSING  |ws.close()|<--|close frame|<--+-----+       CLOSING
       *          +----------+   +-----------+   |
       *    |           |                        |   +---+        |
       *                +------------------------+-->|fin| - - - -
       *    |         +---+                      |   +---+
       *     - - - - -|fin|<---------------------+
       *              +---+
       *
       * @param {Number} [code] Status code explaining why the connection is closing
       * @param {(String|Buffer)} [data] The reason why the connection is
       *     closing
       * @public
       */
      close(code, data) {
        if (this.readyState !== _WebSocket.CLOSED) {
          if (this.readyState === _WebSocket.CONNECTING) {
            abortHandshake(this, this._req, "WebSocket was closed before the connection was established");
            return;
          }
          if (this.readyState === _WebSocket.CLOSING) {
            this._closeFrameSent && (this._closeFrameReceived || this._receiver._writableState.errorEmitted) && this._socket.end();
            return;
          }
          this._sender.close(code, data, !this._isServer, (err) => {
            err || (this._closeFrameSent = !0, (this._closeFrameReceived || this._receiver._writableState.errorEmitted) && this._socket.end());
          }), this._readyState = _WebSocket.CLOSING, setCloseTimer(this);
        }
      }
      /**
       * Pause the socket.
       *
       * @public
       */
      pause() {
        this.readyState === _WebSocket.CONNECTING || this.readyState === _WebSocket.CLOSED || (this._paused = !0, this._socket.pause());
      }
      /**
       * Send a ping.
       *
       * @param {*} [data] The data to send
       * @param {Boolean} [mask] Indicates whether or not to mask `data`
       * @param {Function} [cb] Callback which is executed when the ping is sent
       * @public
       */
      ping(data, mask, cb) {
        if (this.readyState === _WebSocket.CONNECTING)
          throw new Error("WebSocket is not open: readyState 0 (CONNECTING)");
        if (typeof data == "function" ? (cb = data, data = mask = void 0) : typeof mask == "function" && (cb = mask, mask = void 0), typeof data == "number" && (data = data.toString()), this.readyState !== _WebSocket.OPEN) {
          sendAfterClose(this, data, cb);
          return;
        }
        mask === void 0 && (mask = !this._isServer), this._sender.ping(data || EMPTY_BUFFER, mask, cb);
      }
      /**
       * Send a pong.
       *
       * @param {*} [data] The data to send
       * @param {Boolean} [mask] Indicates whether or not to mask `data`
       * @param {Function} [cb] Callback which is executed when the pong is sent
       * @public
       */
      pong(data, mask, cb) {
        if (this.readyState === _WebSocket.CONNECTING)
          throw new Error("WebSocket is not open: readyState 0 (CONNECTING)");
        if (typeof data == "function" ? (cb = data, data = mask = void 0) : typeof mask == "function" && (cb = mask, mask = void 0), typeof data == "number" && (data = data.toString()), this.readyState !== _WebSocket.OPEN) {
          sendAfterClose(this, data, cb);
          return;
        }
        mask === void 0 && (mask = !this._isServer), this._sender.pong(data || EMPTY_BUFFER, mask, cb);
      }
      /**
       * Resume the socket.
       *
       * @public
       */
      resume() {
        this.readyState === _WebSocket.CONNECTING || this.readyState === _WebSocket.CLOSED || (this._paused = !1, this._receiver._writableState.needDrain || this._socket.resume());
      }
      /**
       * Send a data message.
       *
       * @param {*} data The message to send
       * @param {Object} [options] Options object
       * @param {Boolean} [options.binary] Specifies whether `data` is binary or
       *     text
       * @param {Boolean} [options.compress] Specifies whether or not to compress
       *     `data`
       * @param {Boolean} [options.fin=true] Specifies whether the fragment is the
       *     last one
       * @param {Boolean} [options.mask] Specifies whether or not to mask `data`
       * @param {Function} [cb] Callback which is executed when data is written out
       * @public
       */
      send(data, options, cb) {
        if (this.readyState === _WebSocket.CONNECTING)
          throw new Error("WebSocket is not open: readyState 0 (CONNECTING)");
        if (typeof options == "function" && (cb = options, options = {}), typeof data == "number" && (data = data.toString()), this.readyState !== _WebSocket.OPEN) {
          sendAfterClose(this, data, cb);
          return;
        }
        let opts = {
          binary: typeof data != "string",
          mask: !this._isServer,
          compress: !0,
          fin: !0,
          ...options
        };
        this._extensions[PerMessageDeflate2.extensionName] || (opts.compress = !1), this._sender.send(data || EMPTY_BUFFER, opts, cb);
      }
      /**
       * Forcibly close the connection.
       *
       * @public
       */
      terminate() {
        if (this.readyState !== _WebSocket.CLOSED) {
          if (this.readyState === _WebSocket.CONNECTING) {
            abortHandshake(this, this._req, "WebSocket was closed before the connection was established");
            return;
          }
          this._socket && (this._readyState = _WebSocket.CLOSING, this._socket.destroy());
        }
      }
    };
    Object.defineProperty(WebSocket2, "CONNECTING", {
      enumerable: !0,
      value: readyStates.indexOf("CONNECTING")
    });
    Object.defineProperty(WebSocket2.prototype, "CONNECTING", {
      enumerable: !0,
      value: readyStates.indexOf("CONNECTING")
    });
    Object.defineProperty(WebSocket2, "OPEN", {
      enumerable: !0,
      value: readyStates.indexOf("OPEN")
    });
    Object.defineProperty(WebSocket2.prototype, "OPEN", {
      enumerable: !0,
      value: readyStates.indexOf("OPEN")
    });
    Object.defineProperty(WebSocket2, "CLOSING", {
      enumerable: !0,
      value: readyStates.indexOf("CLOSING")
    });
    Object.defineProperty(WebSocket2.prototype, "CLOSING", {
      enumerable: !0,
      value: readyStates.indexOf("CLOSING")
    });
    Object.defineProperty(WebSocket2, "CLOSED", {
      enumerable: !0,
      value: readyStates.indexOf("CLOSED")
    });
    Object.defineProperty(WebSocket2.prototype, "CLOSED", {
      enumerable: !0,
      value: readyStates.indexOf("CLOSED")
    });
    [
      "binaryType",
      "bufferedAmount",
      "extensions",
      "isPaused",
      "protocol",
      "readyState",
      "url"
    ].forEach((property) => {
      Object.defineProperty(WebSocket2.prototype, property, { enumerable: !0 });
    });
    ["open", "error", "close", "message"].forEach((method) => {
      Object.defineProperty(WebSocket2.prototype, `on${method}`, {
        enumerable: !0,
        get() {
          for (let listener of this.listeners(method))
            if (listener[kForOnEventAttribute]) return listener[kListener];
          return null;
        },
        set(handler) {
          for (let listener of this.listeners(method))
            if (listener[kForOnEventAttribute]) {
              this.removeListener(method, listener);
              break;
            }
          typeof handler == "function" && this.addEventListener(method, handler, {
            [kForOnEventAttribute]: !0
          });
        }
      });
    });
    WebSocket2.prototype.addEventListener = addEventListener;
    WebSocket2.prototype.removeEventListener = removeEventListener;
    module.exports = WebSocket2;
    function initAsClient(websocket, address, protocols, options) {
      let opts = {
        allowSynchronousEvents: !0,
        autoPong: !0,
        closeTimeout: CLOSE_TIMEOUT,
        protocolVersion: protocolVersions[1],
        maxBufferedChunks: 262144,
        maxFragments: 16384,
        maxPayload: 104857600,
        maxPendingAutoPongs: 60,
        skipUTF8Validation: !1,
        perMessageDeflate: !0,
        followRedirects: !1,
        maxRedirects: 10,
        ...options,
        socketPath: void 0,
        hostname: void 0,
        protocol: void 0,
        protocols: void 0,
        timeout: void 0,
        method: "GET",
        host: void 0,
        path: void 0,
        port: void 0
      };
      if (!protocolVersions.includes(opts.protocolVersion))
        throw new RangeError(
          `Unsupported protocol version: ${opts.protocolVersion} (supported versions: ${protocolVersions.join(", ")})`
        );
      let parsedUrl;
      if (address instanceof URL2)
        parsedUrl = address;
      else
        try {
          parsedUrl = new URL2(address);
        } catch {
          throw new SyntaxError(`Invalid URL: ${address}`);
        }
      (parsedUrl.protocol === "http:" || parsedUrl.protocol === "https:") && (parsedUrl = new URL2(parsedUrl), parsedUrl.protocol = parsedUrl.protocol === "http:" ? "ws:" : "wss:"), websocket._url = parsedUrl.href;
      let isSecure = parsedUrl.protocol === "wss:", isIpcUrl = parsedUrl.protocol === "ws+unix:", invalidUrlMessage;
      if (parsedUrl.protocol !== "ws:" && !isSecure && !isIpcUrl ? invalidUrlMessage = `The URL's protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"` : isIpcUrl && !parsedUrl.pathname ? invalidUrlMessage = "The URL's pathname is empty" : parsedUrl.hash && (invalidUrlMessage = "The URL contains a fragment identifier"), invalidUrlMessage) {
        let err = new SyntaxError(invalidUrlMessage);
        if (websocket._redirects === 0)
          throw err;
        emitErrorAndClose(websocket, err);
        return;
      }
      let defaultPort = isSecure ? 443 : 80, key = randomBytes(16).toString("base64"), request = isSecure ? https.request : http.request, protocolSet = /* @__PURE__ */ new Set(), perMessageDeflate;
      if (opts.createConnection = opts.createConnection || (isSecure ? tlsConnect : netConnect), opts.defaultPort = opts.defaultPort || defaultPort, opts.port = parsedUrl.port || defaultPort, opts.host = parsedUrl.hostname.startsWith("[") ? parsedUrl.hostname.slice(1, -1) : parsedUrl.hostname, opts.headers = {
        ...opts.headers,
        "Sec-WebSocket-Version": opts.protocolVersion,
        "Sec-WebSocket-Key": key,
        Connection: "Upgrade",
        Upgrade: "websocket"
      }, opts.path = parsedUrl.pathname + parsedUrl.search, opts.timeout = opts.handshakeTimeout, opts.perMessageDeflate && (perMessageDeflate = new PerMessageDeflate2({
        ...opts.perMessageDeflate,
        isServer: !1,
        maxPayload: opts.maxPayload
      }), opts.headers["Sec-WebSocket-Extensions"] = format({
        [PerMessageDeflate2.extensionName]: perMessageDeflate.offer()
      })), protocols.length) {
        for (let protocol of protocols) {
          if (typeof protocol != "string" || !subprotocolRegex.test(protocol) || protocolSet.has(protocol))
            throw new SyntaxError(
              "An invalid or duplicated subprotocol was specified"
            );
          protocolSet.add(protocol);
        }
        opts.headers["Sec-WebSocket-Protocol"] = protocols.join(",");
      }
      if (opts.origin && (opts.protocolVersion < 13 ? opts.headers["Sec-WebSocket-Origin"] = opts.origin : opts.headers.Origin = opts.origin), parsedUrl.username || parsedUrl.password) {
        let username = querystring.unescape(parsedUrl.username), password = querystring.unescape(parsedUrl.password);
        opts.auth = `${username}:${password}`;
      }
      if (isIpcUrl) {
        let i = opts.path.indexOf(":");
        i === -1 ? (opts.socketPath = opts.path, opts.path = "") : (opts.socketPath = opts.path.slice(0, i), opts.path = opts.path.slice(i + 1));
      }
      let req;
      if (opts.followRedirects) {
        if (websocket._redirects === 0) {
          websocket._originalIpc = isIpcUrl, websocket._originalSecure = isSecure, websocket._originalHostOrSocketPath = isIpcUrl ? opts.socketPath : parsedUrl.host;
          let headers = options && options.headers;
          if (options = { ...options, headers: {} }, headers)
            for (let [key2, value] of Object.entries(headers))
              options.headers[key2.toLowerCase()] = value;
        } else if (websocket.listenerCount("redirect") === 0) {
          let isSameHost = isIpcUrl ? websocket._originalIpc ? opts.socketPath === websocket._originalHostOrSocketPath : !1 : websocket._originalIpc ? !1 : parsedUrl.host === websocket._originalHostOrSocketPath;
          (!isSameHost || websocket._originalSecure && !isSecure) && (delete opts.headers.authorization, delete opts.headers.cookie, isSameHost || delete opts.headers.host, opts.auth = void 0);
        }
        opts.auth && !options.headers.authorization && (options.headers.authorization = "Basic " + Buffer.from(opts.auth).toString("base64")), req = websocket._req = request(opts), websocket._redirects && websocket.emit("redirect", websocket.url, req);
      } else
        req = websocket._req = request(opts);
      return opts.timeout && req.on("timeout", () => {
        abortHandshake(websocket, req, "Opening handshake has timed out");
      }), req.on("error", (err) => {
        req === null || req[kAborted] || (req = websocket._req = null, emitErrorAndClose(websocket, err));
      }), req.on("response", (res) => {
        let location = res.headers.location, statusCode = res.statusCode;
        if (location && opts.followRedirects && statusCode >= 300 && statusCode < 400) {
          if (++websocket._redirects > opts.maxRedirects) {
            abortHandshake(websocket, req, "Maximum redirects exceeded");
            return;
          }
          req.abort();
          let addr;
          try {
            addr = new URL2(location, address);
          } catch {
            let err = new SyntaxError(`Invalid URL: ${location}`);
            emitErrorAndClose(websocket, err);
            return;
          }
          initAsClient(websocket, addr, protocols, options);
        } else websocket.emit("unexpected-response", req, res) || abortHandshake(
          websocket,
          req,
          `Unexpected server response: ${res.statusCode}`
        );
      }), req.on("upgrade", (res, socket, head) => {
        if (websocket.emit("upgrade", res), websocket.readyState !== WebSocket2.CONNECTING) return;
        req = websocket._req = null;
        let upgrade = res.headers.upgrade;
        if (upgrade === void 0 || upgrade.toLowerCase() !== "websocket") {
          abortHandshake(websocket, socket, "Invalid Upgrade header");
          return;
        }
        let digest = createHash2("sha1").update(key + GUID).digest("base64");
        if (res.headers["sec-websocket-accept"] !== digest) {
          abortHandshake(websocket, socket, "Invalid Sec-WebSocket-Accept header");
          return;
        }
        let serverProt = res.headers["sec-websocket-protocol"], protError;
        if (serverProt !== void 0 ? protocolSet.size ? protocolSet.has(serverProt) || (protError = "Server sent an invalid subprotocol") : protError = "Server sent a subprotocol but none was requested" : protocolSet.size && (protError = "Server sent no subprotocol"), protError) {
          abortHandshake(websocket, socket, protError);
          return;
        }
        serverProt && (websocket._protocol = serverProt);
        let secWebSocketExtensions = res.headers["sec-websocket-extensions"];
        if (secWebSocketExtensions !== void 0) {
          if (!perMessageDeflate) {
            abortHandshake(websocket, socket, "Server sent a Sec-WebSocket-Extensions header but no extension was requested");
            return;
          }
          let extensions;
          try {
            extensions = parse(secWebSocketExtensions);
          } catch {
            abortHandshake(websocket, socket, "Invalid Sec-WebSocket-Extensions header");
            return;
          }
          let extensionNames = Object.keys(extensions);
          if (extensionNames.length !== 1 || extensionNames[0] !== PerMessageDeflate2.extensionName) {
            abortHandshake(websocket, socket, "Server indicated an extension that was not requested");
            return;
          }
          try {
            perMessageDeflate.accept(extensions[PerMessageDeflate2.extensionName]);
          } catch {
            abortHandshake(websocket, socket, "Invalid Sec-WebSocket-Extensions header");
            return;
          }
          websocket._extensions[PerMessageDeflate2.extensionName] = perMessageDeflate;
        }
        websocket.setSocket(socket, head, {
          allowSynchronousEvents: opts.allowSynchronousEvents,
          generateMask: opts.generateMask,
          maxBufferedChunks: opts.maxBufferedChunks,
          maxFragments: opts.maxFragments,
          maxPayload: opts.maxPayload,
          skipUTF8Validation: opts.skipUTF8Validation
        });
      }), opts.finishRequest ? opts.finishRequest(req, websocket) : req.end(), opts;
    }
    function emitErrorAndClose(websocket, err) {
      websocket._readyState = WebSocket2.CLOSING, websocket._errorEmitted = !0, websocket.emit("error", err), websocket.emitClose();
    }
    function netConnect(options) {
      return options.path = options.socketPath, net.connect(options);
    }
    function tlsConnect(options) {
      return options.path = void 0, !options.servername && options.servername !== "" && (options.servername = net.isIP(options.host) ? "" : options.host), tls.connect(options);
    }
    function abortHandshake(websocket, stream, message) {
      websocket._readyState = WebSocket2.CLOSING;
      let err = new Error(message);
      Error.captureStackTrace(err, abortHandshake), stream.setHeader ? (stream[kAborted] = !0, stream.abort(), stream.socket && !stream.socket.destroyed && stream.socket.destroy(), process.nextTick(emitErrorAndClose, websocket, err)) : (stream.destroy(err), stream.once("error", websocket.emit.bind(websocket, "error")), stream.once("close", websocket.emitClose.bind(websocket)));
    }
    function sendAfterClose(websocket, data, cb) {
      if (data) {
        let length = isBlob(data) ? data.size : toBuffer(data).length;
        websocket._socket ? websocket._sender._bufferedBytes += length : websocket._bufferedAmount += length;
      }
      if (cb) {
        let err = new Error(
          `WebSocket is not open: readyState ${websocket.readyState} (${readyStates[websocket.readyState]})`
        );
        process.nextTick(cb, err);
      }
    }
    function receiverOnConclude(code, reason) {
      let websocket = this[kWebSocket];
      websocket._closeFrameReceived = !0, websocket._closeCode = code, reason.length === 0 ? websocket._closeMessage = EMPTY_BUFFER : (websocket._closeMessage = Buffer.allocUnsafeSlow(reason.length), websocket._closeMessage.set(reason)), websocket._socket[kWebSocket] !== void 0 && (websocket._socket.removeListener("data", socketOnData), process.nextTick(resume, websocket._socket), code === 1005 ? websocket.close() : websocket.close(code, reason));
    }
    function receiverOnDrain() {
      let websocket = this[kWebSocket];
      websocket.isPaused || websocket._socket.resume();
    }
    function receiverOnError(err) {
      let websocket = this[kWebSocket];
      websocket._socket[kWebSocket] !== void 0 && (websocket._socket.removeListener("data", socketOnData), process.nextTick(resume, websocket._socket), websocket.close(err[kStatusCode])), websocket._errorEmitted || (websocket._errorEmitted = !0, websocket.emit("error", err));
    }
    function receiverOnFinish() {
      this[kWebSocket].emitClose();
    }
    function receiverOnMessage(data, isBinary) {
      this[kWebSocket].emit("message", data, isBinary);
    }
    function receiverOnPing(data) {
      let websocket = this[kWebSocket];
      websocket._autoPong && websocket.readyState === WebSocket2.OPEN && (websocket._maxPendingAutoPongs > 0 && websocket._pendingAutoPongs >= websocket._maxPendingAutoPongs ? websocket.terminate() : (websocket._pendingAutoPongs++, websocket.pong(data, !this._isServer, websocket._autoPongComplete))), websocket.emit("ping", data);
    }
    function autoPongComplete(websocket) {
      websocket._pendingAutoPongs--;
    }
    function receiverOnPong(data) {
      this[kWebSocket].emit("pong", data);
    }
    function resume(stream) {
      stream.resume();
    }
    function senderOnError(err) {
      let websocket = this[kWebSocket];
      websocket.readyState !== WebSocket2.CLOSED && (websocket.readyState === WebSocket2.OPEN && (websocket._readyState = WebSocket2.CLOSING, setCloseTimer(websocket)), this._socket.end(), websocket._errorEmitted || (websocket._errorEmitted = !0, websocket.emit("error", err)));
    }
    function setCloseTimer(websocket) {
      websocket._closeTimer = setTimeout(
        websocket._socket.destroy.bind(websocket._socket),
        websocket._closeTimeout
      );
    }
    function socketOnClose() {
      let websocket = this[kWebSocket];
      if (this.removeListener("close", socketOnClose), this.removeListener("data", socketOnData), this.removeListener("end", socketOnEnd), websocket._readyState = WebSocket2.CLOSING, !this._readableState.endEmitted && !websocket._closeFrameReceived && !websocket._receiver._writableState.errorEmitted && this._readableState.length !== 0) {
        let chunk = this.read(this._readableState.length);
        websocket._receiver.write(chunk);
      }
      websocket._receiver.end(), this[kWebSocket] = void 0, clearTimeout(websocket._closeTimer), websocket._receiver._writableState.finished || websocket._receiver._writableState.errorEmitted ? websocket.emitClose() : (websocket._receiver.on("error", receiverOnFinish), websocket._receiver.on("finish", receiverOnFinish));
    }
    function socketOnData(chunk) {
      this[kWebSocket]._receiver.write(chunk) || this.pause();
    }
    function socketOnEnd() {
      let websocket = this[kWebSocket];
      websocket._readyState = WebSocket2.CLOSING, websocket._receiver.end(), this.end();
    }
    function socketOnError() {
      let websocket = this[kWebSocket];
      this.removeListener("error", socketOnError), this.on("error", NOOP2), websocket && (websocket._readyState = WebSocket2.CLOSING, this.destroy());
    }
  }
});

// node_modules/ws/lib/stream.js
var require_stream = __commonJS({
  "node_modules/ws/lib/stream.js"(exports, module) {
    "use strict";
    var WebSocket2 = require_websocket(), { Duplex } = __require("stream");
    function emitClose(stream) {
      stream.emit("close");
    }
    function duplexOnEnd() {
      !this.destroyed && this._writableState.finished && this.destroy();
    }
    function duplexOnError(err) {
      this.removeListener("error", duplexOnError), this.destroy(), this.listenerCount("error") === 0 && this.emit("error", err);
    }
    function createWebSocketStream2(ws, options) {
      let terminateOnDestroy = !0, duplex = new Duplex({
        ...options,
        autoDestroy: !1,
        emitClose: !1,
        objectMode: !1,
        writableObjectMode: !1
      });
      return ws.on("message", function(msg, isBinary) {
        let data = !isBinary && duplex._readableState.objectMode ? msg.toString() : msg;
        duplex.push(data) || ws.pause();
      }), ws.once("error", function(err) {
        duplex.destroyed || (terminateOnDestroy = !1, duplex.destroy(err));
      }), ws.once("close", function() {
        duplex.destroyed || duplex.push(null);
      }), duplex._destroy = function(err, callback) {
        if (ws.readyState === ws.CLOSED) {
          callback(err), process.nextTick(emitClose, duplex);
          return;
        }
        let called = !1;
        ws.once("error", function(err2) {
          called = !0, callback(err2);
        }), ws.once("close", function() {
          called || callback(err), process.nextTick(emitClose, duplex);
        }), terminateOnDestroy && ws.terminate();
      }, duplex._final = function(callback) {
        if (ws.readyState === ws.CONNECTING) {
          ws.once("open", function() {
            duplex._final(callback);
          });
          return;
        }
        ws._socket !== null && (ws._socket._writableState.finished ? (callback(), duplex._readableState.endEmitted && duplex.destroy()) : (ws._socket.once("finish", function() {
          callback();
        }), ws.close()));
      }, duplex._read = function() {
        ws.isPaused && ws.resume();
      }, duplex._write = function(chunk, encoding, callback) {
        if (ws.readyState === ws.CONNECTING) {
          ws.once("open", function() {
            duplex._write(chunk, encoding, callback);
          });
          return;
        }
        ws.send(chunk, callback);
      }, duplex.on("end", duplexOnEnd), duplex.on("error", duplexOnError), duplex;
    }
    module.exports = createWebSocketStream2;
  }
});

// node_modules/ws/lib/subprotocol.js
var require_subprotocol = __commonJS({
  "node_modules/ws/lib/subprotocol.js"(exports, module) {
    "use strict";
    var { tokenChars } = require_validation();
    function parse(header) {
      let protocols = /* @__PURE__ */ new Set(), start = -1, end = -1, i = 0;
      for (i; i < header.length; i++) {
        let code = header.charCodeAt(i);
        if (end === -1 && tokenChars[code] === 1)
          start === -1 && (start = i);
        else if (i !== 0 && (code === 32 || code === 9))
          end === -1 && start !== -1 && (end = i);
        else if (code === 44) {
          if (start === -1)
            throw new SyntaxError(`Unexpected character at index ${i}`);
          end === -1 && (end = i);
          let protocol2 = header.slice(start, end);
          if (protocols.has(protocol2))
            throw new SyntaxError(`The "${protocol2}" subprotocol is duplicated`);
          protocols.add(protocol2), start = end = -1;
        } else
          throw new SyntaxError(`Unexpected character at index ${i}`);
      }
      if (start === -1 || end !== -1)
        throw new SyntaxError("Unexpected end of input");
      let protocol = header.slice(start, i);
      if (protocols.has(protocol))
        throw new SyntaxError(`The "${protocol}" subprotocol is duplicated`);
      return protocols.add(protocol), protocols;
    }
    module.exports = { parse };
  }
});

// node_modules/ws/lib/websocket-server.js
var require_websocket_server = __commonJS({
  "node_modules/ws/lib/websocket-server.js"(exports, module) {
    "use strict";
    var EventEmitter = __require("events"), http = __require("http"), { Duplex } = __require("stream"), { createHash: createHash2 } = __require("crypto"), extension2 = require_extension(), PerMessageDeflate2 = require_permessage_deflate(), subprotocol2 = require_subprotocol(), WebSocket2 = require_websocket(), { CLOSE_TIMEOUT, GUID, kWebSocket } = require_constants(), keyRegex = /^[+/0-9A-Za-z]{22}==$/, RUNNING = 0, CLOSING = 1, CLOSED = 2, WebSocketServer2 = class extends EventEmitter {
      /**
       * Create a `WebSocketServer` instance.
       *
       * @param {Object} options Configuration options
       * @param {Boolean} [options.allowSynchronousEvents=true] Specifies whether
       *     any of the `'message'`, `'ping'`, and `'pong'` events can be emitted
       *     multiple times in the same tick
       * @param {Boolean} [options.autoPong=true] Specifies whether or not to
       *     automatically send a pong in response to a ping
       * @param {Number} [options.backlog=511] The maximum length of the queue of
       *     pending connections
       * @param {Boolean} [options.clientTracking=true] Specifies whether or not to
       *     track clients
       * @param {Number} [options.closeTimeout=30000] Duration in milliseconds to
       *     wait for the closing handshake to finish after `websocket.close()` is
       *     called
       * @param {Function} [options.handleProtocols] A hook to handle protocols
       * @param {String} [options.host] The hostname where to bind the server
       * @param {Number} [options.maxBufferedChunks=262144] The maximum number of
       *     buffered data chunks
       * @param {Number} [options.maxFragments=16384] The maximum number of message
       *     fragments
       * @param {Number} [options.maxPayload=104857600] The maximum allowed message
       *     size
       * @param {Number} [options.maxPendingAutoPongs=60] The maximum number of
       *     pending automatic pongs
       * @param {Boolean} [options.noServer=false] Enable no server mode
       * @param {String} [options.path] Accept only connections matching this path
       * @param {(Boolean|Object)} [options.perMessageDeflate=false] Enable/disable
       *     permessage-deflate
       * @param {Number} [options.port] The port where to bind the server
       * @param {(http.Server|https.Server)} [options.server] A pre-created HTTP/S
       *     server to use
       * @param {Boolean} [options.skipUTF8Validation=false] Specifies whether or
       *     not to skip UTF-8 validation for text and close messages
       * @param {Function} [options.verifyClient] A hook to reject connections
       * @param {Function} [options.WebSocket=WebSocket] Specifies the `WebSocket`
       *     class to use. It must be the `WebSocket` class or class that extends it
       * @param {Function} [callback] A listener for the `listening` event
       */
      constructor(options, callback) {
        if (super(), options = {
          allowSynchronousEvents: !0,
          autoPong: !0,
          maxBufferedChunks: 256 * 1024,
          maxFragments: 16 * 1024,
          maxPayload: 100 * 1024 * 1024,
          maxPendingAutoPongs: 60,
          skipUTF8Validation: !1,
          perMessageDeflate: !1,
          handleProtocols: null,
          clientTracking: !0,
          closeTimeout: CLOSE_TIMEOUT,
          verifyClient: null,
          noServer: !1,
          backlog: null,
          // use default (511 as implemented in net.js)
          server: null,
          host: null,
          path: null,
          port: null,
          WebSocket: WebSocket2,
          ...options
        }, options.port == null && !options.server && !options.noServer || options.port != null && (options.server || options.noServer) || options.server && options.noServer)
          throw new TypeError(
            'One and only one of the "port", "server", or "noServer" options must be specified'
          );
        if (options.port != null ? (this._server = http.createServer((req, res) => {
          let body = http.STATUS_CODES[426];
          res.writeHead(426, {
            "Content-Length": body.length,
            "Content-Type": "text/plain"
          }), res.end(body);
        }), this._server.listen(
          options.port,
          options.host,
          options.backlog,
          callback
        )) : options.server && (this._server = options.server), this._server) {
          let emitConnection = this.emit.bind(this, "connection");
          this._removeListeners = addListeners(this._server, {
            listening: this.emit.bind(this, "listening"),
            error: this.emit.bind(this, "error"),
            upgrade: (req, socket, head) => {
              this.handleUpgrade(req, socket, head, emitConnection);
            }
          });
        }
        options.perMessageDeflate === !0 && (options.perMessageDeflate = {}), options.clientTracking && (this.clients = /* @__PURE__ */ new Set(), this._shouldEmitClose = !1), this.options = options, this._state = RUNNING;
      }
      /**
       * Returns the bound address, the address family name, and port of the server
       * as reported by the operating system if listening on an IP socket.
       * If the server is listening on a pipe or UNIX domain socket, the name is
       * returned as a string.
       *
       * @return {(Object|String|null)} The address of the server
       * @public
       */
      address() {
        if (this.options.noServer)
          throw new Error('The server is operating in "noServer" mode');
        return this._server ? this._server.address() : null;
      }
      /**
       * Stop the server from accepting new connections and emit the `'close'` event
       * when all existing connections are closed.
       *
       * @param {Function} [cb] A one-time listener for the `'close'` event
       * @public
       */
      close(cb) {
        if (this._state === CLOSED) {
          cb && this.once("close", () => {
            cb(new Error("The server is not running"));
          }), process.nextTick(emitClose, this);
          return;
        }
        if (cb && this.once("close", cb), this._state !== CLOSING)
          if (this._state = CLOSING, this.options.noServer || this.options.server)
            this._server && (this._removeListeners(), this._removeListeners = this._server = null), this.clients ? this.clients.size ? this._shouldEmitClose = !0 : process.nextTick(emitClose, this) : process.nextTick(emitClose, this);
          else {
            let server = this._server;
            this._removeListeners(), this._removeListeners = this._server = null, server.close(() => {
              emitClose(this);
            });
          }
      }
      /**
       * See if a given request should be handled by this server instance.
       *
       * @param {http.IncomingMessage} req Request object to inspect
       * @return {Boolean} `true` if the request is valid, else `false`
       * @public
       */
      shouldHandle(req) {
        if (this.options.path) {
          let index = req.url.indexOf("?");
          if ((index !== -1 ? req.url.slice(0, index) : req.url) !== this.options.path) return !1;
        }
        return !0;
      }
      /**
       * Handle a HTTP Upgrade request.
       *
       * @param {http.IncomingMessage} req The request object
       * @param {Duplex} socket The network socket between the server and client
       * @param {Buffer} head The first packet of the upgraded stream
       * @param {Function} cb Callback
       * @public
       */
      handleUpgrade(req, socket, head, cb) {
        socket.on("error", socketOnError);
        let key = req.headers["sec-websocket-key"], upgrade = req.headers.upgrade, version = +req.headers["sec-websocket-version"];
        if (req.method !== "GET") {
          abortHandshakeOrEmitwsClientError(this, req, socket, 405, "Invalid HTTP method");
          return;
        }
        if (upgrade === void 0 || upgrade.toLowerCase() !== "websocket") {
          abortHandshakeOrEmitwsClientError(this, req, socket, 400, "Invalid Upgrade header");
          return;
        }
        if (key === void 0 || !keyRegex.test(key)) {
          abortHandshakeOrEmitwsClientError(this, req, socket, 400, "Missing or invalid Sec-WebSocket-Key header");
          return;
        }
        if (version !== 13 && version !== 8) {
          abortHandshakeOrEmitwsClientError(this, req, socket, 400, "Missing or invalid Sec-WebSocket-Version header", {
            "Sec-WebSocket-Version": "13, 8"
          });
          return;
        }
        if (!this.shouldHandle(req)) {
          abortHandshake(socket, 400);
          return;
        }
        let secWebSocketProtocol = req.headers["sec-websocket-protocol"], protocols = /* @__PURE__ */ new Set();
        if (secWebSocketProtocol !== void 0)
          try {
            protocols = subprotocol2.parse(secWebSocketProtocol);
          } catch {
            abortHandshakeOrEmitwsClientError(this, req, socket, 400, "Invalid Sec-WebSocket-Protocol header");
            return;
          }
        let secWebSocketExtensions = req.headers["sec-websocket-extensions"], extensions = {};
        if (this.options.perMessageDeflate && secWebSocketExtensions !== void 0) {
          let perMessageDeflate = new PerMessageDeflate2({
            ...this.options.perMessageDeflate,
            isServer: !0,
            maxPayload: this.options.maxPayload
          });
          try {
            let offers = extension2.parse(secWebSocketExtensions);
            offers[PerMessageDeflate2.extensionName] && (perMessageDeflate.accept(offers[PerMessageDeflate2.extensionName]), extensions[PerMessageDeflate2.extensionName] = perMessageDeflate);
          } catch {
            abortHandshakeOrEmitwsClientError(this, req, socket, 400, "Invalid or unacceptable Sec-WebSocket-Extensions header");
            return;
          }
        }
        if (this.options.verifyClient) {
          let info = {
            origin: req.headers[`${version === 8 ? "sec-websocket-origin" : "origin"}`],
            secure: !!(req.socket.authorized || req.socket.encrypted),
            req
          };
          if (this.options.verifyClient.length === 2) {
            this.options.verifyClient(info, (verified, code, message, headers) => {
              if (!verified)
                return abortHandshake(socket, code || 401, message, headers);
              this.completeUpgrade(
                extensions,
                key,
                protocols,
                req,
                socket,
                head,
                cb
              );
            });
            return;
          }
          if (!this.options.verifyClient(info)) return abortHandshake(socket, 401);
        }
        this.completeUpgrade(extensions, key, protocols, req, socket, head, cb);
      }
      /**
       * Upgrade the connection to WebSocket.
       *
       * @param {Object} extensions The accepted extensions
       * @param {String} key The value of the `Sec-WebSocket-Key` header
       * @param {Set} protocols The subprotocols
       * @param {http.IncomingMessage} req The request object
       * @param {Duplex} socket The network socket between the server and client
       * @param {Buffer} head The first packet of the upgraded stream
       * @param {Function} cb Callback
       * @throws {Error} If called more than once with the same socket
       * @private
       */
      completeUpgrade(extensions, key, protocols, req, socket, head, cb) {
        if (!socket.readable || !socket.writable) return socket.destroy();
        if (socket[kWebSocket])
          throw new Error(
            "server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration"
          );
        if (this._state > RUNNING) return abortHandshake(socket, 503);
        let headers = [
          "HTTP/1.1 101 Switching Protocols",
          "Upgrade: websocket",
          "Connection: Upgrade",
          `Sec-WebSocket-Accept: ${createHash2("sha1").update(key + GUID).digest("base64")}`
        ], ws = new this.options.WebSocket(null, void 0, this.options);
        if (protocols.size) {
          let protocol = this.options.handleProtocols ? this.options.handleProtocols(protocols, req) : protocols.values().next().value;
          protocol && (headers.push(`Sec-WebSocket-Protocol: ${protocol}`), ws._protocol = protocol);
        }
        if (extensions[PerMessageDeflate2.extensionName]) {
          let params = extensions[PerMessageDeflate2.extensionName].params, value = extension2.format({
            [PerMessageDeflate2.extensionName]: [params]
          });
          headers.push(`Sec-WebSocket-Extensions: ${value}`), ws._extensions = extensions;
        }
        this.emit("headers", headers, req), socket.write(headers.concat(`\r
`).join(`\r
`)), socket.removeListener("error", socketOnError), ws.setSocket(socket, head, {
          allowSynchronousEvents: this.options.allowSynchronousEvents,
          maxBufferedChunks: this.options.maxBufferedChunks,
          maxFragments: this.options.maxFragments,
          maxPayload: this.options.maxPayload,
          skipUTF8Validation: this.options.skipUTF8Validation
        }), this.clients && (this.clients.add(ws), ws.on("close", () => {
          this.clients.delete(ws), this._shouldEmitClose && !this.clients.size && process.nextTick(emitClose, this);
        })), cb(ws, req);
      }
    };
    module.exports = WebSocketServer2;
    function addListeners(server, map) {
      for (let event of Object.keys(map)) server.on(event, map[event]);
      return function() {
        for (let event of Object.keys(map))
          server.removeListener(event, map[event]);
      };
    }
    function emitClose(server) {
      server._state = CLOSED, server.emit("close");
    }
    function socketOnError() {
      this.destroy();
    }
    function abortHandshake(socket, code, message, headers) {
      message = message || http.STATUS_CODES[code], headers = {
        Connection: "close",
        "Content-Type": "text/html",
        "Content-Length": Buffer.byteLength(message),
        ...headers
      }, socket.once("finish", socket.destroy), socket.end(
        `HTTP/1.1 ${code} ${http.STATUS_CODES[code]}\r
` + Object.keys(headers).map((h) => `${h}: ${headers[h]}`).join(`\r
`) + `\r
\r
` + message
      );
    }
    function abortHandshakeOrEmitwsClientError(server, req, socket, code, message, headers) {
      if (server.listenerCount("wsClientError")) {
        let err = new Error(message);
        Error.captureStackTrace(err, abortHandshakeOrEmitwsClientError), server.emit("wsClientError", err, socket, req);
      } else
        abortHandshake(socket, code, message, headers);
    }
  }
});

// node/main.ts
import { randomUUID as randomUUID2 } from "node:crypto";
import { realpathSync, rmSync, writeSync } from "node:fs";
import { writeFile as writeFile3 } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { dirname as dirname2, join as join6 } from "node:path";
import { fileURLToPath } from "node:url";

// core/cancel.ts
var Cancelled = class extends Error {
  name = "Cancelled";
  constructor() {
    super("cancelled");
  }
}, CancelSource = class {
  #cancelled = !1;
  #listeners = /* @__PURE__ */ new Set();
  get cancelled() {
    return this.#cancelled;
  }
  cancel() {
    if (!this.#cancelled) {
      this.#cancelled = !0;
      for (let listener of this.#listeners) listener();
      this.#listeners.clear();
    }
  }
  onCancel(listener) {
    return this.#cancelled ? (listener(), () => {
    }) : (this.#listeners.add(listener), () => this.#listeners.delete(listener));
  }
};
function unlessCancelled(cancel, work) {
  return new Promise((resolve, reject) => {
    let stopListening = cancel.onCancel(() => reject(new Cancelled()));
    work.then(resolve, reject).finally(stopListening);
  });
}

// core/backoff.ts
var Backoff = class {
  #random;
  #range;
  #attempts = 0;
  constructor(random, range) {
    this.#random = random, this.#range = range;
  }
  /** Milliseconds to wait before the next attempt: uniform between 0 and a ceiling that doubles with each call. */
  next() {
    let ceiling = Math.min(this.#range.maxMs, this.#range.minMs * 2 ** Math.min(this.#attempts, 30));
    return this.#attempts++, Math.round(this.#random.next() * ceiling);
  }
  /** Makes the ceiling of the next delay at least `ms`; for a crowd that is sent away at one moment. */
  spread(ms) {
    for (; this.#range.minMs * 2 ** this.#attempts < Math.min(ms, this.#range.maxMs); ) this.#attempts++;
  }
  reset() {
    this.#attempts = 0;
  }
};
async function sleep(clock, ms, cancel) {
  let stop = () => {
  }, slept = new Promise((resolve) => {
    let timer = clock.timer(ms, resolve);
    stop = () => timer.cancel();
  });
  try {
    await (cancel ? unlessCancelled(cancel, slept) : slept);
  } finally {
    stop();
  }
}

// core/text.ts
function utf8Length(text2) {
  let bytes = text2.length;
  for (let i = 0; i < text2.length; i++) {
    let unit = text2.charCodeAt(i);
    unit < 128 || (unit < 2048 ? bytes += 1 : isHighSurrogate(unit) && isLowSurrogate(text2.charCodeAt(i + 1)) ? (bytes += 2, i++) : bytes += 2);
  }
  return bytes;
}
function truncateUtf8(text2, maxBytes) {
  return text2.length * 3 <= maxBytes || utf8Length(text2) <= maxBytes ? text2 : headUtf8(text2, maxBytes - 3) + "…";
}
function headUtf8(text2, maxBytes) {
  let bytes = 0, end = 0;
  for (; end < text2.length; ) {
    let point = text2.codePointAt(end) ?? 0, size = point < 128 ? 1 : point < 2048 ? 2 : point < 65536 ? 3 : 4;
    if (bytes + size > maxBytes) break;
    bytes += size, end += size === 4 ? 2 : 1;
  }
  return text2.slice(0, end);
}
var UNSTORABLE = new RegExp("\\u0000|\\p{Surrogate}", "gu");
function storable(text2) {
  return text2.replace(UNSTORABLE, "�");
}
function isHighSurrogate(unit) {
  return unit >= 55296 && unit <= 56319;
}
function isLowSurrogate(unit) {
  return unit >= 56320 && unit <= 57343;
}

// core/errors.ts
var MAX_CAUSES = 5;
function messageOf(thrown) {
  return thrown instanceof Error ? thrown.message || thrown.name : toText(thrown);
}
function stackOf(thrown, maxBytes) {
  let parts = [oneStack(thrown)], cause = causeOf(thrown);
  for (let depth = 0; cause !== void 0 && depth < MAX_CAUSES; depth++)
    parts.push(`Caused by: ${oneStack(cause)}`), cause = causeOf(cause);
  return truncateUtf8(storable(parts.join(`
`)), maxBytes);
}
function oneStack(thrown) {
  if (typeof thrown != "object" || thrown === null) return toText(thrown);
  let { name, message, stack } = thrown, head = typeof message == "string" ? typeof name == "string" ? `${name}: ${message}` : message : void 0;
  return typeof stack != "string" || stack === "" ? head ?? toText(thrown) : head === void 0 || stack.includes(String(message)) ? stack : `${head}
${stack}`;
}
function causeOf(thrown) {
  return typeof thrown == "object" && thrown !== null ? thrown.cause : void 0;
}
function toText(value) {
  if (typeof value == "object" && value !== null)
    try {
      return JSON.stringify(value) ?? Object.prototype.toString.call(value);
    } catch {
      return Object.prototype.toString.call(value);
    }
  return String(value);
}

// core/ports.ts
var ResponseTooLarge = class extends Error {
  name = "ResponseTooLarge";
};

// core/schema.ts
var SchemaError = class extends Error {
  name = "SchemaError";
};
function fail(path, what) {
  throw new SchemaError(`${path || "payload"} must be ${what}`);
}
function string(options = {}) {
  let { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      return typeof value != "string" && fail(path, "a string"), value.length < min && fail(path, `at least ${min} characters long`), value.length > max && fail(path, `at most ${max} characters long`), value;
    }
  };
}
function matching(pattern, what) {
  return {
    parse(value, path) {
      return (typeof value != "string" || !pattern.test(value)) && fail(path, what), value;
    }
  };
}
function integer(options = {}) {
  let { min = Number.MIN_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      return (typeof value != "number" || !Number.isSafeInteger(value)) && fail(path, "an integer"), value < min && fail(path, `at least ${min}`), value;
    }
  };
}
var boolean = {
  parse(value, path) {
    return typeof value != "boolean" && fail(path, "true or false"), value;
  }
};
function oneOf(...allowed) {
  return {
    parse(value, path) {
      return allowed.includes(value) || fail(path, `one of ${allowed.join(", ")}`), value;
    }
  };
}
var json = {
  parse: (value) => value
}, optionalJson = { ...json, optional: !0 };
function array(item, options = {}) {
  let { max = Number.MAX_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      return Array.isArray(value) || fail(path, "an array"), value.length > max && fail(path, `at most ${max} long`), value.map((entry, index) => item.parse(entry, `${path}[${index}]`));
    }
  };
}
function record(item) {
  return {
    parse(value, path) {
      return isObject(value) || fail(path, "an object"), Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, item.parse(entry, `${path}.${key}`)]));
    }
  };
}
function object(fields) {
  return {
    parse(value, path) {
      isObject(value) || fail(path, "an object");
      let out = {};
      for (let [key, field] of Object.entries(fields)) {
        let parsed2 = field.parse(Object.hasOwn(value, key) ? value[key] : void 0, path ? `${path}.${key}` : key);
        parsed2 !== void 0 && (out[key] = parsed2);
      }
      return out;
    }
  };
}
function optional(inner) {
  return {
    optional: !0,
    parse: (value, path) => value == null ? void 0 : inner.parse(value, path)
  };
}
function isObject(value) {
  return typeof value == "object" && value !== null && !Array.isArray(value);
}

// core/bundles.ts
var BundleError = class extends Error {
  name = "BundleError";
  reason;
  constructor(reason, message) {
    super(message), this.reason = reason;
  }
}, TryAgain = class extends Error {
  /** Not found: the assignment may have come before Storage can see its row. */
  notFound;
  constructor(message, notFound) {
    super(message), this.notFound = notFound;
  }
}, RETRY = { minMs: 200, maxMs: 2e3 }, NOT_FOUND_MS = 8e3, OUTAGE_MS = 6e4, SIGN_TIMEOUT_MS = 1e4, DOWNLOAD_TIMEOUT_MS = 12e4, SIGNED_FOR_SECONDS = 60, MAX_SIGN_RESPONSE = 64 * 1024, MIN_TOKEN_TTL_MS = 3e4, Bundles = class {
  #deps;
  #fetching = /* @__PURE__ */ new Map();
  constructor(deps) {
    this.#deps = deps;
  }
  /** The verified bytes of a bundle. Rejects with BundleError or Cancelled. Pods of one pack share one download. */
  get(bundle2, cancel) {
    let key = `${bundle2.sha256}/${bundle2.bucket}/${bundle2.path}`, fetching = this.#fetching.get(key);
    return fetching || (fetching = this.#get(bundle2).finally(() => this.#fetching.delete(key)), this.#fetching.set(key, fetching)), unlessCancelled(cancel, fetching);
  }
  async #get(bundle2) {
    let { cache, log } = this.#deps, cached = await this.#cached(bundle2);
    if (cached) return cached;
    let bytes = await this.#download(bundle2);
    await this.#verify(bundle2, bytes);
    try {
      await cache.put(bundle2.sha256, bytes);
    } catch (error) {
      log.warn("could not keep a bundle in the cache", { sha256: bundle2.sha256, error: messageOf(error) });
    }
    return bytes;
  }
  async #cached(bundle2) {
    let { cache, log } = this.#deps;
    try {
      let bytes = await cache.get(bundle2.sha256);
      if (!bytes) return;
      if (await this.#matches(bundle2, bytes)) return bytes;
      log.warn("a cached bundle was damaged; fetching it again", { sha256: bundle2.sha256 }), await cache.delete(bundle2.sha256);
    } catch (error) {
      log.warn("could not use the bundle cache", { sha256: bundle2.sha256, error: messageOf(error) });
    }
  }
  async #matches(bundle2, bytes) {
    return bytes.length === bundle2.size && await this.#deps.sha256(bytes) === bundle2.sha256;
  }
  async #verify(bundle2, bytes) {
    if (bytes.length !== bundle2.size)
      throw new BundleError("digest_mismatch", `the bundle has ${bytes.length} bytes, but ${bundle2.size} were registered`);
    let digest = await this.#deps.sha256(bytes);
    if (digest !== bundle2.sha256)
      throw new BundleError("digest_mismatch", `the bundle's sha256 is ${digest}, but ${bundle2.sha256} was registered`);
  }
  async #download(bundle2) {
    let { clock, random, log } = this.#deps, started = clock.monotonic(), backoff = new Backoff(random, RETRY);
    for (; ; )
      try {
        return await this.#downloadOnce(bundle2);
      } catch (error) {
        if (!(error instanceof TryAgain)) throw error;
        let delay = RETRY.minMs / 2 + backoff.next();
        if (clock.monotonic() - started + delay > (error.notFound ? NOT_FOUND_MS : OUTAGE_MS)) throw new BundleError("bundle_unavailable", error.message);
        log.debug("bundle not available yet", { path: bundle2.path, error: error.message, inMs: delay }), await sleep(clock, delay);
      }
  }
  async #downloadOnce(bundle2) {
    let { tokens } = this.#deps, { supabaseUrl, anonKey } = await tokens.credentials(), token = await tokens.get(MIN_TOKEN_TTL_MS).catch((error) => {
      throw new TryAgain(`no access token to fetch the bundle with: ${messageOf(error)}`, !1);
    }), storage = `${supabaseUrl}/storage/v1`, object2 = `${encodeURIComponent(bundle2.bucket)}/${bundle2.path.split("/").map(encodeURIComponent).join("/")}`, signed = await this.#ask(
      "signing the bundle's URL",
      {
        method: "POST",
        url: `${storage}/object/sign/${object2}`,
        headers: { apikey: anonKey, authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ expiresIn: SIGNED_FOR_SECONDS }),
        timeoutMs: SIGN_TIMEOUT_MS,
        maxBytes: MAX_SIGN_RESPONSE
      },
      token
    ), path = parseObject(signed.text()).signedURL;
    if (typeof path != "string") throw new TryAgain("Storage answered without a signed URL", !1);
    try {
      return (await this.#ask("downloading the bundle", {
        method: "GET",
        url: /^https?:\/\//.test(path) ? path : storage + path,
        headers: {},
        timeoutMs: DOWNLOAD_TIMEOUT_MS,
        maxBytes: bundle2.size
      })).bytes;
    } catch (error) {
      throw error instanceof ResponseTooLarge ? new BundleError("digest_mismatch", `the bundle has more than the ${bundle2.size} bytes that were registered`) : error;
    }
  }
  /** One exchange that succeeded; else rejects with TryAgain, BundleError or ResponseTooLarge. */
  async #ask(what, request, token) {
    let response;
    try {
      response = await this.#deps.http(request);
    } catch (error2) {
      throw error2 instanceof ResponseTooLarge ? error2 : new TryAgain(`${what}: ${messageOf(error2)}`, !1);
    }
    if (response.status === 200) return response;
    let { statusCode, message, error } = parseObject(response.text()), status2 = response.status === 400 && Number(statusCode) > 0 ? Number(statusCode) : response.status, problem2 = `${what}: ${status2} ${String(message ?? error ?? "")}`.trimEnd();
    throw status2 === 404 ? new TryAgain(problem2, !0) : status2 === 429 || status2 >= 500 ? new TryAgain(problem2, !1) : token !== void 0 && (status2 === 401 || status2 === 403) ? (this.#deps.tokens.refused(token), new TryAgain(problem2, !0)) : new BundleError("bundle_unavailable", problem2);
  }
};
function parseObject(text2) {
  try {
    let value = JSON.parse(text2);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

// core/fence.ts
var momentOf = (clock) => ({ monotonic: clock.monotonic(), wall: clock.now() }), MARGIN = 0.3333333333333333, GRACE = 1 / 6, LOOKS = 12, Fence = class {
  #clock;
  #due;
  #leaseMs;
  #since = { monotonic: 0, wall: 0 };
  #timer;
  /** `due` is called, again and again while that lasts, when pods that must not run twice have to end, and within which time. */
  constructor(clock, due) {
    this.#clock = clock, this.#due = due;
  }
  /** The server has extended the lease for a beat that was sent at `since`. */
  extended(since, leaseMs) {
    this.#since = since, this.#leaseMs = leaseMs, this.#timer?.cancel(), this.#plan(leaseMs);
  }
  stop() {
    this.#timer?.cancel(), this.#timer = void 0;
  }
  #plan(leaseMs) {
    this.#timer = this.#clock.timer(leaseMs / LOOKS, () => {
      this.#look(leaseMs), this.#leaseMs === leaseMs && this.#timer && this.#plan(leaseMs);
    });
  }
  #look(leaseMs) {
    let now = momentOf(this.#clock), passed = Math.max(now.monotonic - this.#since.monotonic, now.wall - this.#since.wall), left = leaseMs * (1 - MARGIN) - passed;
    left <= leaseMs * GRACE && this.#due(Math.max(0, left));
  }
};

// core/protocol.ts
var PROTOCOL = 1, MAX_FRAME_BYTES = 1 << 20, MAX_LOG_LINES = 500, MAX_LOG_LINE_BYTES = 16 * 1024, MAX_MESSAGE_BYTES = 4 * 1024, Close = {
  goodbye: 1e3,
  restart: 1012,
  badFrame: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  noHeartbeat: 4408,
  superseded: 4409,
  slow: 4413,
  protocol: 4426
}, uuid = matching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, "a UUID"), dnsLabel = matching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a DNS label"), RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/, timestamp = matching(RFC3339, "an RFC 3339 time"), sha256 = matching(/^[0-9a-f]{64}$/, "a hex SHA-256"), incarnation = integer({ min: 1 }), count = integer({ min: 0 }), runtime = oneOf("node", "browser"), status = oneOf("starting", "running", "stopping", "stopped", "failed"), bundle = object({ bucket: string({ min: 1 }), path: string({ min: 1 }), sha256, size: integer({ min: 1 }) }), pack = object({
  id: uuid,
  name: string({ min: 1 }),
  version: string({ min: 1 }),
  runtimeTag: oneOf("node", "browser", "universal"),
  bundle
}), problem = object({ code: string(), message: string() }), agentPayloads = {
  "auth:authenticate": object({
    token: string({ min: 1 }),
    protocol: integer({ min: 1 }),
    agent: optional(object({ name: string(), version: string() }))
  }),
  "node:register": object({
    name: dnsLabel,
    runtimeType: runtime,
    runtimeVersion: string(),
    agentVersion: string(),
    bootId: uuid,
    labels: optional(record(string())),
    annotations: optional(record(string())),
    taints: optional(
      array(object({ key: string({ min: 1 }), value: optional(string()), effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute") }))
    ),
    capabilities: optional(record(json)),
    resources: object({ cpu: string({ min: 1 }), memory: string({ min: 1 }), pods: count }),
    pods: array(object({ podId: uuid, incarnation, status }))
  }),
  "node:heartbeat": object({ pods: count, usage: optional(object({ cpuMillis: count, memoryBytes: count })) }),
  "node:disconnect": object({ reason: optional(string()) }),
  "pod:status": object({
    podId: uuid,
    incarnation,
    status,
    reason: optional(string({ max: 64 })),
    message: optional(string()),
    result: optionalJson,
    at: timestamp
  }),
  "pod:logs": object({
    podId: uuid,
    incarnation,
    lines: array(object({ at: timestamp, stream: oneOf("stdout", "stderr", "system"), text: string() }), { max: MAX_LOG_LINES }),
    dropped: optional(count)
  }),
  error: problem
}, serverPayloads = {
  "auth:authenticated": object({ userId: uuid, role: string(), expiresAt: timestamp, protocol: integer({ min: 1 }) }),
  "node:registered": object({
    nodeId: uuid,
    name: string(),
    access: oneOf("shared", "private"),
    heartbeatIntervalMs: integer({ min: 100 }),
    leaseMs: optional(integer({ min: 1 })),
    supabase: object({ url: string(), anonKey: string() })
  }),
  "node:heartbeat:ack": object({ leaseMs: optional(integer({ min: 1 })) }),
  "pod:assign": object({
    podId: uuid,
    incarnation,
    name: string({ min: 1 }),
    namespace: string({ min: 1 }),
    pack,
    env: record(string()),
    args: array(json),
    metadata: record(json),
    resources: object({ cpuMillis: count, memoryBytes: count }),
    gracePeriodMs: count
  }),
  "pod:stop": object({ podId: uuid, incarnation, reason: string({ min: 1, max: 64 }), gracePeriodMs: count }),
  "pod:status:ack": object({
    podId: uuid,
    incarnation,
    status,
    accepted: boolean,
    code: optional(string()),
    message: optional(string())
  }),
  error: problem
}, FENCED = "stark/fenced";
function isFenced({ metadata }) {
  return metadata[FENCED] === !0;
}
function isTerminal(status2) {
  return status2 === "stopped" || status2 === "failed";
}

// core/logs.ts
var LOG_LIMITS = { linesPerPod: 1e4, bytesPerPod: 1 << 20, bytesInAll: 16 << 20 }, LINE_OVERHEAD = 64, BATCH_BYTES = 128 * 1024, LogBuffer = class {
  #limits;
  #queues = /* @__PURE__ */ new Map();
  #bytes = 0;
  constructor(limits = LOG_LIMITS) {
    this.#limits = limits;
  }
  add(podId, incarnation2, line) {
    let queue = this.#queue(podId, incarnation2), bytes = utf8Length(line.text) + LINE_OVERHEAD;
    for (queue.lines.push({ line, bytes }), queue.bytes += bytes, this.#bytes += bytes; queue.lines.length - queue.head > this.#limits.linesPerPod || queue.bytes > this.#limits.bytesPerPod; ) this.#dropOldest(queue);
    for (; this.#bytes > this.#limits.bytesInAll; ) this.#dropOldest(this.#largest());
  }
  /** Lines were lost before they came here. */
  addDropped(podId, incarnation2, count3) {
    let queue = this.#queue(podId, incarnation2);
    queue.dropped = Math.min(queue.dropped + count3, Number.MAX_SAFE_INTEGER);
  }
  /** Forgets all of one pod's incarnation. */
  discard(podId, incarnation2) {
    let key = keyOf(podId, incarnation2), queue = this.#queues.get(key);
    queue && (this.#bytes -= queue.bytes, this.#queues.delete(key));
  }
  get empty() {
    return this.#queues.size === 0;
  }
  /** Takes a batch out: of the given pod, or of the one whose turn it is. Undefined if there is nothing. */
  take(podId, incarnation2) {
    let queue = podId === void 0 || incarnation2 === void 0 ? this.#queues.values().next().value : this.#queues.get(keyOf(podId, incarnation2));
    if (!queue) return;
    let lines = [], bytes = 0;
    for (let next = queue.lines[queue.head]; next && !(lines.length >= MAX_LOG_LINES || lines.length > 0 && bytes + next.bytes > BATCH_BYTES); next = queue.lines[queue.head])
      lines.push(next.line), bytes += next.bytes, queue.head++;
    let batch = { podId: queue.podId, incarnation: queue.incarnation, lines };
    queue.dropped > 0 && (batch.dropped = queue.dropped), queue.dropped = 0, queue.bytes -= bytes, this.#bytes -= bytes;
    let key = keyOf(queue.podId, queue.incarnation);
    return this.#queues.delete(key), queue.head < queue.lines.length && (compact(queue), this.#queues.set(key, queue)), batch;
  }
  #queue(podId, incarnation2) {
    let key = keyOf(podId, incarnation2), queue = this.#queues.get(key);
    return queue || (queue = { podId, incarnation: incarnation2, lines: [], head: 0, bytes: 0, dropped: 0 }, this.#queues.set(key, queue)), queue;
  }
  #dropOldest(queue) {
    let oldest = queue.lines[queue.head];
    oldest && (queue.head++, queue.bytes -= oldest.bytes, queue.dropped++, this.#bytes -= oldest.bytes, compact(queue));
  }
  #largest() {
    let largest;
    for (let queue of this.#queues.values())
      (!largest || queue.bytes > largest.bytes) && (largest = queue);
    if (!largest) throw new Error("the log buffer has bytes but no lines");
    return largest;
  }
};
function compact(queue) {
  queue.head < 1024 || queue.head * 2 < queue.lines.length || (queue.lines = queue.lines.slice(queue.head), queue.head = 0);
}
function keyOf(podId, incarnation2) {
  return `${podId}/${incarnation2}`;
}

// core/outbox.ts
var StatusOutbox = class {
  #entries = /* @__PURE__ */ new Map();
  // in order of insertion
  /** Adds a report. The same status of the same incarnation again changes nothing. */
  add(report) {
    let key = keyOf2(report);
    this.#entries.has(key) || this.#entries.set(key, { report, sentAt: void 0 });
  }
  /** Takes what was acknowledged out, accepted or not: both are final. Undefined if it was not here. */
  acknowledge(ack) {
    let key = keyOf2(ack), entry = this.#entries.get(key);
    return this.#entries.delete(key), entry?.report;
  }
  /** The highest incarnation of a pod whose last status is pending; 0 if there is none. */
  settled(podId) {
    let highest = 0;
    for (let { report } of this.#entries.values())
      report.podId === podId && isTerminal(report.status) && (highest = Math.max(highest, report.incarnation));
    return highest;
  }
  /** Forgets what is pending of incarnations of a pod below `incarnation`: the server would refuse it. */
  dropBelow(podId, incarnation2) {
    for (let [key, { report }] of this.#entries)
      report.podId === podId && report.incarnation < incarnation2 && this.#entries.delete(key);
  }
  /** A new connection: everything is to be sent again. */
  rewind() {
    for (let entry of this.#entries.values()) entry.sentAt = void 0;
  }
  /**
   * Sends what was not sent on this connection, and what was sent `resendMs` ago or longer without an answer.
   * `send` says whether it did; after a refusal the rest stays for later.
   */
  flush(now, resendMs, send) {
    for (let entry of this.#entries.values())
      if (!(entry.sentAt !== void 0 && now - entry.sentAt < resendMs)) {
        if (!send(entry.report)) return;
        entry.sentAt = now;
      }
  }
  get size() {
    return this.#entries.size;
  }
  /** Pods whose last status is pending. */
  terminal() {
    let held = [];
    for (let { report } of this.#entries.values())
      isTerminal(report.status) && held.push({ podId: report.podId, incarnation: report.incarnation, status: report.status });
    return held;
  }
};
function keyOf2({ podId, incarnation: incarnation2, status: status2 }) {
  return `${podId}/${incarnation2}/${status2}`;
}

// core/health.ts
var HealthCheck = class {
  #clock;
  #ask;
  #giveUp;
  #timer;
  #strikes = 0;
  #waits = !1;
  /** `ask` sends the question; the answer goes to `answered`. `giveUp` is called at most once. */
  constructor(clock, ask, giveUp) {
    this.#clock = clock, this.#ask = ask, this.#giveUp = giveUp;
  }
  start() {
    this.#timer ??= this.#clock.timer(1e4, () => this.#round());
  }
  stop() {
    this.#timer?.cancel(), this.#timer = void 0;
  }
  answered(problem2) {
    this.#waits = !1, problem2 === void 0 ? this.#strikes = 0 : this.#strike(problem2);
  }
  #round() {
    this.#timer = void 0, this.#waits && this.#strike(`health() did not answer within ${1e4 / 1e3} s`), !(this.#strikes >= 3) && (this.#waits = !0, this.start(), this.#ask());
  }
  #strike(why) {
    ++this.#strikes === 3 && (this.stop(), this.#giveUp(`3 times in a row: ${why}`));
  }
};

// core/lines.ts
var ELLIPSIS = "…", LineSplitter = class {
  #emit;
  #held = "";
  /** The held line is longer than what is held of it. */
  #cut = !1;
  #at = 0;
  /** `emit` gets every line without its end, and when its last piece was written. */
  constructor(emit) {
    this.#emit = emit;
  }
  write(text2, at) {
    this.#at = at;
    let from = 0;
    for (let end = text2.indexOf(`
`); end >= 0; end = text2.indexOf(`
`, from))
      this.#hold(text2.slice(from, end)), this.#flushLine(), from = end + 1;
    this.#hold(text2.slice(from));
  }
  /** The end of the stream: a line without an end is one all the same. */
  end() {
    (this.#held !== "" || this.#cut) && this.#flushLine();
  }
  #hold(piece) {
    let room = MAX_LOG_LINE_BYTES + 1 - this.#held.length;
    piece.length > room && (this.#cut = !0), this.#held += piece.length > room ? piece.slice(0, room) : piece;
  }
  #flushLine() {
    let line = this.#held.endsWith("\r") && !this.#cut ? this.#held.slice(0, -1) : this.#held;
    line = storable(line), (this.#cut || line.length * 3 > MAX_LOG_LINE_BYTES && utf8Length(line) > MAX_LOG_LINE_BYTES) && (line = headUtf8(line, MAX_LOG_LINE_BYTES - utf8Length(ELLIPSIS)) + ELLIPSIS), this.#held = "", this.#cut = !1, this.#emit(line, this.#at);
  }
};

// core/result.ts
var MAX_RESULT_BYTES = 64 * 1024, MAX_RESULT_DEPTH = 256;
function encodeResult(value) {
  let json2;
  try {
    json2 = JSON.stringify(value);
  } catch (error) {
    return { note: `the result was left out: it is not JSON (${messageOf(error)})` };
  }
  if (json2 === void 0) return {};
  let bytes = utf8Length(json2);
  return bytes > MAX_RESULT_BYTES ? { note: `the result was left out: it has ${bytes} bytes of JSON, at most ${MAX_RESULT_BYTES} are kept` } : depthOf(json2) > MAX_RESULT_DEPTH ? { note: `the result was left out: it is nested deeper than ${MAX_RESULT_DEPTH} levels` } : { json: /\\u(0000|d[89a-f])/i.test(json2) ? JSON.stringify(storableJson(JSON.parse(json2))) : json2 };
}
function depthOf(json2) {
  let depth = 0, deepest = 0, inString = !1;
  for (let i = 0; i < json2.length; i++) {
    let c = json2[i];
    inString ? c === "\\" ? i++ : c === '"' && (inString = !1) : c === '"' ? inString = !0 : c === "[" || c === "{" ? deepest = Math.max(deepest, ++depth) : (c === "]" || c === "}") && depth--;
  }
  return deepest;
}
function storableJson(value) {
  return typeof value == "string" ? storable(value) : Array.isArray(value) ? value.map(storableJson) : typeof value == "object" && value !== null ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storableJson(inner)])) : value;
}

// core/outcome.ts
var StartFailure = class extends Error {
  reason;
  constructor(reason, message) {
    super(message), this.reason = reason;
  }
};
function outcomeOf(exit2, loading) {
  switch (exit2.kind) {
    case "oom":
      return { status: "failed", reason: "oom", message: exit2.message };
    case "error":
      return { status: "failed", reason: loading ? "import_error" : "crashed", message: stackOf(exit2.error, MAX_MESSAGE_BYTES) };
    case "exit":
      return loading ? { status: "failed", reason: "import_error", message: `it exited with code ${exit2.code} while it was loaded` } : exit2.code === 0 ? { status: "stopped", reason: "completed", message: "it exited with code 0" } : { status: "failed", reason: "crashed", message: `it exited with code ${exit2.code}` };
  }
}
function partingOf(json2, message) {
  let result = json2 === void 0 ? {} : encodeResult(parsed(json2)), said = message ?? result.note;
  return { ...result.json === void 0 ? {} : { result: parsed(result.json) }, ...said === void 0 ? {} : { message: said } };
}
function parsed(json2) {
  try {
    return JSON.parse(json2);
  } catch {
    return;
  }
}

// core/pod.ts
var START_TIMEOUT_MS = 3e4, STUCK_MS = 1e4, PROGRESS_MS = 1e3, Pod = class {
  assignment;
  /** Resolves when its worker is gone, and those of the incarnations that it replaced. */
  gone;
  #deps;
  #events;
  #previous;
  #cancel = new CancelSource();
  #streams;
  #claimed;
  #claim = () => {
  };
  #status = "starting";
  #phase = "preparing";
  #worker;
  #terminated = !1;
  #retiring = !1;
  #stop;
  /** What the pack or its start came to, before its worker is gone. */
  #verdict;
  /** What a pack that was told to stop left behind. */
  #parting = {};
  #starting;
  #grace;
  #stuck;
  #health;
  #progressAt = -1 / 0;
  /** `previous` resolves when the worker of an earlier incarnation is gone: this one's does not start before. */
  constructor(assignment, deps, events, previous) {
    this.assignment = assignment, this.#deps = deps, this.#events = events, this.#previous = previous, this.#streams = {
      stdout: new LineSplitter((text2, at) => this.#line("stdout", text2, at)),
      stderr: new LineSplitter((text2, at) => this.#line("stderr", text2, at))
    }, this.#health = new HealthCheck(
      deps.clock,
      () => this.#worker?.send({ type: "health" }),
      (why) => this.#conclude({ status: "failed", reason: "unhealthy", message: why })
    ), this.#claimed = new Promise((resolve) => {
      this.#claim = resolve;
    }), this.gone = Promise.resolve().then(() => this.#live()).then(() => previous);
  }
  get podId() {
    return this.assignment.podId;
  }
  get incarnation() {
    return this.assignment.incarnation;
  }
  /** The status that was last reported. */
  get status() {
    return this.#status;
  }
  /** Whether nobody is told any more what becomes of it. */
  get silent() {
    return this.#stop?.silent ?? !1;
  }
  /** Whether it is silent because the agent leaves: until its worker is gone it is at home here. */
  get retiring() {
    return this.#retiring;
  }
  /** The server's answer to status `starting`: only an accepted claim runs. */
  claimed(accepted) {
    accepted ? this.#claim() : this.disown("the claim was refused");
  }
  /** It belongs to this node no more: ends it at once, without a word to the server. */
  disown(why) {
    this.#phase === "ended" || this.silent && this.#terminated || (this.#deps.log.info("pod is not this node's any more", { ...this.#fields(), why }), this.#retiring = !1, this.#halt({ reason: "stale", graceMs: 0, silent: !0 }));
  }
  /** Stops it; a pack that has just come to its end by itself keeps that end. Again: may shorten the grace period. */
  stop(stop) {
    this.#phase === "ended" || this.#verdict || (this.#deps.log.info("stopping pod", { ...this.#fields(), reason: stop.reason, graceMs: stop.graceMs }), this.#halt(stop));
  }
  /** Its node may have been given up: ends it within `graceMs` without a word. It is not held any more: the server places it anew. */
  fence(graceMs) {
    if (!(this.#phase === "ended" || this.#verdict)) {
      if (this.#stop) {
        this.#limitGrace(graceMs);
        return;
      }
      this.#line("system", "fenced: the server was not heard for too long, and may have this pod run elsewhere soon", this.#deps.clock.now()), this.#deps.log.warn("the server was not heard for too long: ending a fenced pod", this.#fields()), this.#halt({ reason: "node_lost", graceMs: Math.min(graceMs, this.assignment.gracePeriodMs), silent: !0 });
    }
  }
  /** The agent leaves: stops it without a status, so that the server places it anew, unless someone waits for its end anyway. */
  retire(maxGraceMs) {
    let graceMs = Math.min(this.assignment.gracePeriodMs, maxGraceMs);
    this.#retiring ||= this.#stop === void 0, this.#stop ? this.#limitGrace(graceMs) : this.stop({ reason: "node_disconnected", graceMs, silent: !0 });
  }
  async #live() {
    let outcome;
    try {
      outcome = await this.#prepare().then((bundle2) => this.#work(bundle2));
    } catch (error) {
      outcome = this.#failureOf(error);
    }
    this.#finish(outcome);
  }
  /** Claims the pod and fetches its bundle, until it may start. */
  async #prepare() {
    let { pack: pack2 } = this.assignment, { bundles, runtimeType } = this.#deps;
    if (this.#stop) throw new Cancelled();
    if (pack2.runtimeTag !== "universal" && pack2.runtimeTag !== runtimeType)
      throw new StartFailure("runtime_unsupported", `the pack is for ${pack2.runtimeTag} and this node is ${runtimeType}`);
    this.#report({ status: "starting" });
    let fetching = bundles.get(pack2.bundle, this.#cancel);
    fetching.catch(() => {
    }), await unlessCancelled(this.#cancel, this.#claimed);
    let bundle2 = await fetching;
    return await this.#turn(), bundle2;
  }
  /** Waits until no earlier incarnation runs, and begins the time that a start may take. */
  #turn() {
    return new Promise((resolve, reject) => {
      this.#starting = this.#deps.clock.timer(START_TIMEOUT_MS, () => {
        let failure = new StartFailure("start_timeout", `the pack was not running ${START_TIMEOUT_MS / 1e3} s after its start`);
        this.#phase === "loading" ? this.#conclude(this.#failureOf(failure)) : reject(failure);
      }), unlessCancelled(this.#cancel, this.#previous).then(resolve, reject);
    });
  }
  /** Runs the bundle in a worker; resolves when that is gone. No closure in here mentions the bundle: it would keep its bytes. */
  #work(bundle2) {
    if (this.#stop) throw new Cancelled();
    this.#phase = "loading";
    let ended = () => {
    }, outcome = new Promise((resolve) => {
      ended = resolve;
    }), events = {
      message: (message) => this.#message(message),
      exit: (exit2) => ended(this.#outcomeOf(exit2))
    }, spec = { identity: identityOf(this.assignment), bundle: bundle2, memoryBytes: this.assignment.resources.memoryBytes };
    return this.#deps.workers.launch(spec, events).then(
      (worker) => this.#launched(worker),
      (error) => ended(this.#notLaunched(error))
    ), outcome;
  }
  #launched(worker) {
    this.#worker = worker, this.#terminated ? worker.terminate() : this.#stop && worker.send({ type: "stop", reason: this.#stop.reason });
  }
  #notLaunched(error) {
    return this.#deps.log.error("no worker could be started", { ...this.#fields(), error: messageOf(error) }), this.#verdict ? this.#verdict : this.#stop ? this.#stopped() : { status: "failed", reason: "crashed", message: `no worker could be started: ${messageOf(error)}` };
  }
  #message(message) {
    if (this.#phase !== "ended")
      switch (message.type) {
        case "output":
          message.dropped !== void 0 && this.#events.dropped(message.dropped), this.#streams[message.stream].write(message.text, message.at);
          break;
        case "running":
          if (this.#phase !== "loading" || this.#verdict) break;
          this.#phase = "running", this.#starting?.cancel(), this.#stop || this.#report({ status: "running" }), message.health && !this.#stop && this.#health.start();
          break;
        case "health":
          this.#health.answered(message.problem);
          break;
        case "progress":
          this.#progress(message.fraction, message.text ?? "");
          break;
        case "storage":
          this.#deps.storage.of(this.assignment.namespace, this.assignment.pack.name).ask(message.request).then((answer2) => this.#worker?.send({ type: "storage", id: message.id, answer: answer2 }));
          break;
        case "done": {
          let parting = partingOf(message.result, message.message);
          this.#stop ? (this.#parting = parting, this.#terminate()) : this.#conclude({ status: "stopped", reason: "completed", ...parting });
          break;
        }
        case "failed":
          this.#stop ? this.#terminate() : this.#conclude({ status: "failed", reason: message.reason, message: message.message });
      }
  }
  #progress(fraction, text2) {
    this.#events.progress(fraction, text2);
    let now = this.#deps.clock.monotonic();
    if (now - this.#progressAt < PROGRESS_MS && fraction !== 1) return;
    this.#progressAt = now;
    let share = fraction === void 0 ? "" : `${Math.floor(fraction * 100)} %`;
    this.#line("system", ["progress:", share, text2].filter((part) => part !== "").join(" "), this.#deps.clock.now());
  }
  /** It has come to its end, whatever its worker still does. */
  #conclude(verdict) {
    this.#verdict ??= verdict, this.#terminate();
  }
  #halt(stop) {
    let first = this.#stop === void 0;
    if (this.#stop = { ...this.#stop ?? stop, silent: this.silent || stop.silent }, this.#phase === "preparing") {
      this.#cancel.cancel();
      return;
    }
    first && (this.#health.stop(), this.#starting?.cancel(), this.#report({ status: "stopping", reason: stop.reason }), stop.graceMs > 0 && this.#worker?.send({ type: "stop", reason: stop.reason })), this.#limitGrace(stop.graceMs);
  }
  #limitGrace(graceMs) {
    if (!(this.#phase === "preparing" || this.#phase === "ended" || this.#terminated)) {
      if (graceMs <= 0) {
        this.#terminate();
        return;
      }
      this.#grace?.cancel(), this.#grace = this.#deps.clock.timer(graceMs, () => {
        this.#parting = { ...this.#parting, message: `it did not stop within ${graceMs} ms and was terminated` }, this.#terminate();
      });
    }
  }
  #terminate() {
    this.#terminated || (this.#terminated = !0, this.#health.stop(), this.#grace?.cancel(), this.#stuck = this.#deps.clock.timer(STUCK_MS, () => {
      this.#deps.log.warn("a worker that was terminated is not gone: its pack is in a call that cannot be interrupted", this.#fields());
    }), this.#worker?.terminate());
  }
  #outcomeOf(exit2) {
    return this.#verdict ? this.#verdict : this.#stop ? this.#stopped() : outcomeOf(exit2, this.#phase === "loading");
  }
  #failureOf(error) {
    return error instanceof Cancelled ? this.#stopped() : error instanceof BundleError || error instanceof StartFailure ? { status: "failed", reason: error.reason, message: error.message } : (this.#deps.log.error("a pod failed in the agent itself", { ...this.#fields(), error: messageOf(error) }), { status: "failed", reason: "crashed", message: stackOf(error, MAX_MESSAGE_BYTES) });
  }
  #stopped() {
    return { status: "stopped", reason: this.#stop?.reason ?? "stopped_by_user", ...this.#parting };
  }
  #finish(outcome) {
    for (let timer of [this.#starting, this.#grace, this.#stuck]) timer?.cancel();
    if (this.#health.stop(), this.#cancel.cancel(), this.#streams.stdout.end(), this.#streams.stderr.end(), outcome.status === "failed" && !this.silent)
      for (let line of `${outcome.reason}: ${outcome.message ?? ""}`.split(`
`)) this.#line("system", line, this.#deps.clock.now());
    this.#report(outcome), this.#phase = "ended", this.#deps.log.info("pod ended", { ...this.#fields(), status: outcome.status, reason: outcome.reason, silent: this.silent }), this.#events.ended();
  }
  #report(outcome) {
    if (this.silent) return;
    this.#status = outcome.status;
    let { message, ...rest } = outcome;
    this.#events.status({
      podId: this.podId,
      incarnation: this.incarnation,
      ...rest,
      ...message === void 0 ? {} : { message: truncateUtf8(storable(message), MAX_MESSAGE_BYTES) },
      at: new Date(this.#deps.clock.now()).toISOString()
    });
  }
  #line(stream, text2, at) {
    this.#events.line({ at: new Date(at).toISOString(), stream, text: text2 });
  }
  #fields() {
    return { pod: `${this.assignment.namespace}/${this.assignment.name}`, podId: this.podId, incarnation: this.incarnation };
  }
};
function identityOf({ podId, name, incarnation: incarnation2, namespace, pack: pack2, env, args, metadata }) {
  return {
    podId,
    podName: name,
    packId: pack2.id,
    packName: pack2.name,
    packVersion: pack2.version,
    runtimeTag: pack2.runtimeTag,
    namespace,
    incarnation: incarnation2,
    env,
    args,
    metadata
  };
}

// core/frame.ts
var FrameError = class extends Error {
  name = "FrameError";
  problem;
  correlationId;
  constructor(problem2, message, correlationId) {
    super(message), this.problem = problem2, this.correlationId = correlationId;
  }
};
function encodeFrame(type, payload, now, correlationId) {
  return encodeEnvelope(type, payload, now, correlationId);
}
function encodeEnvelope(type, payload, now, correlationId) {
  let timestamp2 = new Date(now).toISOString();
  return JSON.stringify(correlationId === void 0 ? { type, payload, timestamp: timestamp2 } : { type, payload, timestamp: timestamp2, correlationId });
}
function decodeEnvelope(text2) {
  if (text2 === void 0) throw new FrameError("envelope", "a frame must be a text message");
  if (text2.length > MAX_FRAME_BYTES || text2.length * 3 > MAX_FRAME_BYTES && utf8Length(text2) > MAX_FRAME_BYTES)
    throw new FrameError("envelope", `a frame must have at most ${MAX_FRAME_BYTES} bytes`);
  let value;
  try {
    value = JSON.parse(text2);
  } catch {
    throw new FrameError("envelope", "a frame must be JSON");
  }
  if (!isObject(value)) throw new FrameError("envelope", "a frame must be an object");
  let { type, payload, correlationId } = value;
  if (typeof type != "string" || type === "" || type.length > 64) throw new FrameError("envelope", "type is missing");
  if (!isObject(payload)) throw new FrameError("envelope", "payload must be an object");
  let timestamp2 = timestampOf(value);
  if (correlationId === void 0 || correlationId === "") return { type, payload, timestamp: timestamp2 };
  if (typeof correlationId != "string" || correlationId.length > 128)
    throw new FrameError("envelope", "correlationId must be a string of at most 128 characters");
  return { type, payload, timestamp: timestamp2, correlationId };
}
function timestampOf(value) {
  try {
    return timestamp.parse(value.timestamp, "timestamp");
  } catch (error) {
    throw error instanceof SchemaError ? new FrameError("envelope", error.message) : error;
  }
}
function decodeServerFrame(text2) {
  return decodeAs(serverPayloads, text2);
}
function decodeAs(schemas, text2) {
  let { type, payload, correlationId } = decodeEnvelope(text2), schema = Object.hasOwn(schemas, type) ? schemas[type] : void 0;
  if (schema === void 0) throw new FrameError("type", `unknown type ${JSON.stringify(type)}`, correlationId);
  try {
    let parsed2 = schema.parse(payload, "");
    return correlationId === void 0 ? { type, payload: parsed2 } : { type, payload: parsed2, correlationId };
  } catch (error) {
    throw error instanceof SchemaError ? new FrameError("payload", `${type}: ${error.message}`, correlationId) : error;
  }
}

// core/connection.ts
var HANDSHAKE_MS = 2e4, SILENT_INTERVALS = 3, RENEW_MARGIN_MS = 9e4, RENEW_RETRY = { minMs: 500, maxMs: 1e4 }, MIN_RENEWAL_MS = 1e3, MAX_CLOSE_REASON = 123, Connection = class {
  #deps;
  #events;
  #socket;
  #renewals;
  #token;
  #phase = "connecting";
  #handshake;
  #beat;
  #renewal;
  #lastHeard = 0;
  #lastBeat = 0;
  #frames = 0;
  /** When the registration was sent, and the beats that are not answered, by their correlationId. */
  #registeredAt;
  #beats = /* @__PURE__ */ new Map();
  constructor(deps, events, token) {
    this.#deps = deps, this.#events = events, this.#token = token, this.#renewals = new Backoff(deps.random, RENEW_RETRY), this.#handshake = deps.clock.timer(
      HANDSHAKE_MS,
      () => this.#abandon("the server did not complete the handshake in time", Close.noHeartbeat)
    ), this.#socket = deps.openSocket(deps.url, {
      open: () => this.#opened(),
      message: (text2) => this.#received(text2),
      close: (code, reason) => this.#closed(code, reason)
    });
  }
  get ready() {
    return this.#phase === "ready";
  }
  get bufferedBytes() {
    return this.#socket.bufferedBytes;
  }
  send(type, payload) {
    return this.#phase === "closed" ? !1 : (this.#socket.send(encodeFrame(type, payload, this.#deps.clock.now(), `${type}-${++this.#frames}`)), !0);
  }
  /** Closes without `closed` being called. */
  close(code, reason) {
    this.#phase !== "closed" && (this.#release(), this.#socket.close(code, reason));
  }
  #opened() {
    this.#phase === "connecting" && (this.#phase = "authenticating", this.#authenticate());
  }
  #authenticate() {
    this.send("auth:authenticate", { token: this.#token, protocol: PROTOCOL, agent: this.#deps.agent });
  }
  #received(text2) {
    if (this.#phase === "closed") return;
    this.#lastHeard = this.#deps.clock.monotonic();
    let frame;
    try {
      frame = decodeServerFrame(text2);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#malformed(error);
      return;
    }
    switch (frame.type) {
      case "auth:authenticated":
        this.#authenticated();
        break;
      case "node:registered":
        this.#phase === "registering" && this.#registered(frame.payload);
        break;
      case "node:heartbeat:ack":
        this.#answered(frame.correlationId, frame.payload.leaseMs);
        break;
      case "error":
        this.#deps.log.warn("the server reports an error", {
          code: frame.payload.code,
          message: frame.payload.message,
          about: frame.correlationId
        });
        break;
      default:
        this.#phase === "ready" ? this.#events.frame(frame) : this.#deps.log.warn("ignored a frame that came before the registration", { type: frame.type });
    }
  }
  #malformed(error) {
    this.#deps.log.error("the server sent a frame that cannot be used", { problem: error.problem, error: error.message });
    let code = error.problem === "type" ? "UNKNOWN_TYPE" : "BAD_FRAME";
    this.#socket.send(encodeFrame("error", { code, message: error.message }, this.#deps.clock.now(), error.correlationId)), error.problem === "envelope" && this.#abandon(error.message, Close.badFrame);
  }
  #authenticated() {
    this.#renewals.reset(), this.#planRenewal(), this.#phase === "authenticating" && (this.#phase = "registering", this.#registeredAt = momentOf(this.#deps.clock), this.send("node:register", this.#events.registration()));
  }
  #answered(beat, leaseMs) {
    let since = beat === void 0 ? void 0 : this.#beats.get(beat);
    beat === void 0 || since === void 0 || (this.#beats.delete(beat), leaseMs !== void 0 && this.#events.leased(since, leaseMs));
  }
  #registered(registered) {
    this.#phase = "ready", this.#handshake.cancel(), this.#lastBeat = this.#deps.clock.monotonic(), this.#planBeat(registered.heartbeatIntervalMs), registered.leaseMs !== void 0 && this.#registeredAt && this.#events.leased(this.#registeredAt, registered.leaseMs), this.#events.ready(registered);
  }
  #planBeat(intervalMs) {
    this.#beat = this.#deps.clock.timer(intervalMs, () => {
      let now = this.#deps.clock.monotonic();
      if (now - this.#lastBeat > 2 * intervalMs && (this.#lastHeard = Math.max(this.#lastHeard, now - (SILENT_INTERVALS - 1) * intervalMs)), this.#lastBeat = now, now - this.#lastHeard >= SILENT_INTERVALS * intervalMs) {
        this.#abandon(`nothing heard for ${SILENT_INTERVALS} heartbeat intervals`, Close.noHeartbeat);
        return;
      }
      let sent = momentOf(this.#deps.clock);
      this.send("node:heartbeat", this.#events.heartbeat()), this.#beats.set(`node:heartbeat-${this.#frames}`, sent), this.#planBeat(intervalMs);
    });
  }
  #planRenewal() {
    this.#renewal?.cancel();
    let { clock, tokens } = this.#deps;
    if (tokens.expiresAt === void 0) return;
    let ttl = tokens.expiresAt - clock.now();
    this.#renewal = clock.timer(Math.max(MIN_RENEWAL_MS, ttl - Math.min(RENEW_MARGIN_MS, ttl / 3)), () => {
      this.#renew();
    });
  }
  // A failure is tried again until the server closes with 4401 because the old token has expired: then the session decides.
  async #renew() {
    let { clock, log, tokens } = this.#deps;
    try {
      let token = await tokens.renewed();
      if (this.#phase === "closed") return;
      this.#token = token, this.#authenticate(), log.debug("access token renewed");
    } catch (error) {
      if (this.#phase === "closed") return;
      let delay = this.#renewals.next() + RENEW_RETRY.minMs;
      log.warn("could not renew the access token; trying again", { error: messageOf(error), inMs: delay }), this.#renewal = clock.timer(delay, () => {
        this.#renew();
      });
    }
  }
  /** Gives the connection up from this side, without waiting for a socket that may be dead. */
  #abandon(reason, code) {
    this.#phase !== "closed" && (this.#release(), this.#socket.close(code, headUtf8(reason, MAX_CLOSE_REASON)), this.#events.closed({ code, reason, token: this.#token }));
  }
  #closed(code, reason) {
    this.#phase !== "closed" && (this.#release(), this.#events.closed({ code, reason, token: this.#token }));
  }
  #release() {
    this.#phase = "closed", this.#handshake.cancel(), this.#beat?.cancel(), this.#renewal?.cancel();
  }
};

// core/jwt.ts
var ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
function expiryOf(token) {
  let payload = token.split(".")[1];
  if (payload === void 0) return;
  let claims;
  try {
    claims = JSON.parse(decodeBase64Url(payload));
  } catch {
    return;
  }
  let exp = isObject(claims) ? claims.exp : void 0;
  return typeof exp == "number" ? exp * 1e3 : void 0;
}
function decodeBase64Url(text2) {
  let out = "", bits = 0, held = 0;
  for (let char of text2) {
    let value = ALPHABET.indexOf(char);
    if (value < 0) break;
    bits = bits << 6 | value, held += 6, held >= 8 && (held -= 8, out += String.fromCharCode(bits >> held & 255)), bits &= (1 << held) - 1;
  }
  return out;
}

// core/tokens.ts
var CredentialsRefused = class extends Error {
  name = "CredentialsRefused";
}, AuthUnavailable = class extends Error {
  name = "AuthUnavailable";
}, TIMEOUT_MS = 15e3, MAX_RESPONSE_BYTES = 1 << 20, Tokens = class {
  #deps;
  #credentials;
  #held;
  #renewing;
  #refused;
  constructor(deps) {
    this.#deps = deps;
  }
  /** The credentials as they are now. Rejects if they cannot be read. */
  async credentials() {
    return this.#credentials ??= await this.#deps.store.load(), this.#credentials;
  }
  /**
   * A token that is good for at least `minTtlMs` more, if the credentials can give one; else one that has not expired.
   * Rejects with CredentialsRefused or AuthUnavailable.
   */
  async get(minTtlMs) {
    let held = this.#held ?? await this.#stored();
    if (held && this.#ttl(held) > minTtlMs) return held.token;
    try {
      return (await this.#renew()).token;
    } catch (error) {
      if (held && held === this.#held && this.#ttl(held) > 0)
        return this.#deps.log.warn("could not renew the access token yet", { error: messageOf(error) }), held.token;
      throw error;
    }
  }
  /** A new token, even if the held one is still good. Rejects as `get` does. */
  async renewed() {
    return (await this.#renew()).token;
  }
  /** When the token that `get` last gave expires (wall clock); undefined if it does not say. */
  get expiresAt() {
    return this.#held?.expiresAt;
  }
  /** Someone refused `token`: it is not handed out again. */
  refused(token) {
    this.#refused = token, this.#held?.token === token && (this.#held = void 0);
  }
  #ttl(held) {
    return held.expiresAt === void 0 ? 1 / 0 : held.expiresAt - this.#deps.clock.now();
  }
  async #stored() {
    return this.#held ??= this.#unused((await this.credentials()).accessToken), this.#held;
  }
  /** `token` as something to hand out, unless it has been, was refused, or has expired. */
  #unused(token) {
    if (token === void 0 || token === this.#refused || token === this.#held?.token) return;
    let held = { token, expiresAt: expiryOf(token) };
    return this.#ttl(held) > 0 ? held : void 0;
  }
  #renew() {
    return this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = void 0;
    }), this.#renewing;
  }
  async #renewOnce() {
    let known = await this.credentials();
    try {
      return await this.#grant(known);
    } catch (error) {
      if (!(error instanceof CredentialsRefused)) throw error;
      let fresh = await this.#deps.store.load();
      this.#credentials = fresh;
      let written = this.#unused(fresh.accessToken);
      if (written)
        return this.#held = written, written;
      if (!differs(known, fresh)) throw error;
      return await this.#grant(fresh);
    }
  }
  async #grant(credentials) {
    let { refreshToken, email, password } = credentials, withPassword = email !== void 0 && password !== void 0;
    if (refreshToken !== void 0)
      try {
        return await this.#ask(credentials, "refresh_token", { refresh_token: refreshToken });
      } catch (error) {
        if (!(error instanceof CredentialsRefused) || !withPassword) throw error;
        this.#deps.log.info("the refresh token was refused; logging in with the password", { error: error.message });
      }
    if (withPassword) return this.#ask(credentials, "password", { email, password });
    throw new CredentialsRefused(
      "the access token has expired or was refused, and there is neither a refresh token nor a password to get another"
    );
  }
  async #ask(credentials, grant, body) {
    let url = `${credentials.supabaseUrl}/auth/v1/token?grant_type=${grant}`, asked = this.#deps.clock.now(), response;
    try {
      response = await this.#deps.http({
        method: "POST",
        url,
        headers: { apikey: credentials.anonKey, "content-type": "application/json" },
        body: JSON.stringify(body),
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_RESPONSE_BYTES
      });
    } catch (error) {
      throw new AuthUnavailable(`Supabase Auth at ${credentials.supabaseUrl} cannot be reached: ${messageOf(error)}`, { cause: error });
    }
    let answer2 = parseObject2(response.text());
    if (response.status !== 200) throw refusal(response.status, grant, answer2);
    let { access_token: token, refresh_token: refresh, expires_in: expiresIn } = answer2;
    if (typeof token != "string") throw new AuthUnavailable("Supabase Auth answered without an access token");
    let held = { token, expiresAt: typeof expiresIn == "number" ? asked + expiresIn * 1e3 : expiryOf(token) };
    return this.#held = held, await this.#keep({
      ...credentials,
      accessToken: token,
      refreshToken: typeof refresh == "string" ? refresh : credentials.refreshToken
    }), held;
  }
  // Not being able to write must not cost the session that was just renewed.
  async #keep(credentials) {
    this.#credentials = credentials;
    try {
      await this.#deps.store.save(credentials);
    } catch (error) {
      this.#deps.log.warn("the rotated credentials could not be saved: the next start will need new ones", { error: messageOf(error) });
    }
  }
};
function differs(a, b) {
  return a.refreshToken !== b.refreshToken || a.email !== b.email || a.password !== b.password || a.supabaseUrl !== b.supabaseUrl || a.anonKey !== b.anonKey;
}
function refusal(status2, grant, answer2) {
  let said = [answer2.msg, answer2.message, answer2.error_description, answer2.error].find((text2) => typeof text2 == "string"), message = `Supabase Auth refused the ${grant} grant: ${status2} ${String(said ?? "without a reason")}`;
  return [400, 401, 403, 422].includes(status2) ? new CredentialsRefused(message) : new AuthUnavailable(message);
}
function parseObject2(text2) {
  try {
    let value = JSON.parse(text2);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

// core/session.ts
var RECONNECT = { minMs: 250, maxMs: 15e3 }, RESTART_SPREAD_MS = 1e3, STABLE_MS = 5e3, MIN_TOKEN_TTL_MS2 = 3e4, Session = class {
  #deps;
  #events;
  #backoff;
  #connection;
  #retry;
  /** Between two attempts. */
  #waiting = !1;
  #readySince;
  #state = "idle";
  constructor(deps, events) {
    this.#deps = deps, this.#events = events, this.#backoff = new Backoff(deps.random, RECONNECT);
  }
  /** Starts to connect. Once. */
  start() {
    this.#state === "idle" && (this.#state = "active", this.#connect());
  }
  /** Whether frames can be sent now. */
  get ready() {
    return this.#connection?.ready ?? !1;
  }
  /** Bytes that wait to leave. */
  get bufferedBytes() {
    return this.#connection?.bufferedBytes ?? 0;
  }
  /** Sends a frame; false if there is no registered connection, and then nothing was sent. */
  send(type, payload) {
    return this.#connection?.ready === !0 && this.#connection.send(type, payload);
  }
  /** Does not wait for the next attempt. Does nothing while one is made, or while there is a connection. */
  retryNow() {
    this.#state !== "active" || !this.#waiting || (this.#waiting = !1, this.#retry?.cancel(), this.#backoff.reset(), this.#connect());
  }
  /** Says goodbye and ends, at the latest after `timeoutMs`. The pods must have stopped. */
  leave(reason, timeoutMs) {
    if (!(this.#state === "ended" || this.#state === "leaving")) {
      if (this.#state = "leaving", this.#retry?.cancel(), !this.send("node:disconnect", { reason })) {
        this.#finish({ kind: "goodbye", message: "left without a connection" });
        return;
      }
      this.#retry = this.#deps.clock.timer(timeoutMs, () => this.#finish({ kind: "goodbye", message: "left; the server did not answer" }));
    }
  }
  /** Ends at once, without a goodbye. */
  stop() {
    this.#state !== "ended" && this.#finish({ kind: "goodbye", message: "stopped" });
  }
  async #connect() {
    let { tokens, log } = this.#deps, token;
    try {
      token = await tokens.get(MIN_TOKEN_TTL_MS2);
    } catch (error) {
      if (this.#state !== "active") return;
      error instanceof CredentialsRefused ? this.#finish({ kind: "credentials", message: error.message }) : (log.warn("no access token yet", { error: messageOf(error) }), this.#reconnect());
      return;
    }
    if (this.#state !== "active") return;
    let events = {
      registration: () => this.#events.registration(),
      heartbeat: () => this.#events.heartbeat(),
      ready: (registered) => {
        this.#readySince = this.#deps.clock.monotonic(), this.#events.ready(registered);
      },
      leased: (since, leaseMs) => this.#events.leased(since, leaseMs),
      frame: (frame) => this.#events.frame(frame),
      closed: (end) => this.#closed(end)
    };
    this.#connection = new Connection(this.#deps, events, token);
  }
  #closed(end) {
    let { clock, log, tokens } = this.#deps, stable = this.#readySince !== void 0 && clock.monotonic() - this.#readySince >= STABLE_MS;
    if (this.#connection = void 0, this.#readySince = void 0, this.#state === "ended") return;
    if (this.#state === "leaving") {
      this.#finish({ kind: "goodbye", message: "left" });
      return;
    }
    this.#events.lost();
    let over = finality(end.code, end.reason);
    if (over) {
      this.#finish(over);
      return;
    }
    end.code === Close.unauthenticated && tokens.refused(end.token), stable && this.#backoff.reset(), end.code === Close.restart && this.#backoff.spread(RESTART_SPREAD_MS), log.warn("the connection is gone; connecting again", { code: end.code, reason: end.reason }), this.#reconnect();
  }
  #reconnect() {
    let delay = this.#backoff.next();
    this.#deps.log.debug("next attempt", { inMs: delay }), this.#waiting = !0, this.#retry = this.#deps.clock.timer(delay, () => {
      this.#waiting = !1, this.#connect();
    });
  }
  #finish(end) {
    this.#state = "ended", this.#retry?.cancel(), this.#connection?.close(Close.goodbye, end.kind), this.#connection = void 0, this.#events.end(end);
  }
};
function finality(code, reason) {
  let said = reason === "" ? "" : `: ${reason}`;
  switch (code) {
    case Close.forbidden:
      return { kind: "forbidden", message: `the server does not let this user run a node${said}` };
    case Close.superseded:
      return { kind: "superseded", message: `another agent has registered under this node's name${said}` };
    case Close.protocol:
      return { kind: "protocol", message: `the server does not speak version ${PROTOCOL} of the agent protocol${said}` };
    default:
      return;
  }
}

// node_modules/@vue/shared/dist/shared.esm-bundler.js
/**
* @vue/shared v3.5.45
* (c) 2018-present Yuxi (Evan) You and Vue contributors
* @license MIT
**/
// @__NO_SIDE_EFFECTS__
function makeMap(str) {
  let map = /* @__PURE__ */ Object.create(null);
  for (let key of str.split(",")) map[key] = 1;
  return (val) => val in map;
}
var extend = Object.assign;
var hasOwnProperty = Object.prototype.hasOwnProperty, hasOwn = (val, key) => hasOwnProperty.call(val, key), isArray = Array.isArray, isMap = (val) => toTypeString(val) === "[object Map]";
var isString = (val) => typeof val == "string", isSymbol = (val) => typeof val == "symbol", isObject2 = (val) => val !== null && typeof val == "object";
var objectToString = Object.prototype.toString, toTypeString = (value) => objectToString.call(value), toRawType = (value) => toTypeString(value).slice(8, -1);
var isIntegerKey = (key) => isString(key) && key !== "NaN" && key[0] !== "-" && "" + parseInt(key, 10) === key;
var hasChanged = (value, oldValue) => !Object.is(value, oldValue);
var specialBooleanAttrs = "itemscope,allowfullscreen,disablepictureinpicture,disableremoteplayback,formnovalidate,ismap,nomodule,novalidate,playsinline,readonly";
var isBooleanAttr = /* @__PURE__ */ makeMap(
  specialBooleanAttrs + ",async,autofocus,autoplay,controls,default,defer,disabled,inert,loop,open,required,reversed,scoped,seamless,checked,muted,multiple,selected"
);

// node_modules/@vue/reactivity/dist/reactivity.esm-bundler.js
/**
* @vue/reactivity v3.5.45
* (c) 2018-present Yuxi (Evan) You and Vue contributors
* @license MIT
**/
var activeSub;
var batchDepth = 0, batchedSub, batchedComputed;
function startBatch() {
  batchDepth++;
}
function endBatch() {
  if (--batchDepth > 0)
    return;
  if (batchedComputed) {
    let e = batchedComputed;
    for (batchedComputed = void 0; e; ) {
      let next = e.next;
      e.next = void 0, e.flags &= -9, e = next;
    }
  }
  let error;
  for (; batchedSub; ) {
    let e = batchedSub;
    for (batchedSub = void 0; e; ) {
      let next = e.next;
      if (e.next = void 0, e.flags &= -9, e.flags & 1)
        try {
          e.trigger();
        } catch (err) {
          error || (error = err);
        }
      e = next;
    }
  }
  if (error) throw error;
}
var shouldTrack = !0, trackStack = [];
function pauseTracking() {
  trackStack.push(shouldTrack), shouldTrack = !1;
}
function resetTracking() {
  let last = trackStack.pop();
  shouldTrack = last === void 0 ? !0 : last;
}
var globalVersion = 0, Link = class {
  constructor(sub, dep) {
    this.sub = sub, this.dep = dep, this.version = dep.version, this.nextDep = this.prevDep = this.nextSub = this.prevSub = this.prevActiveLink = void 0;
  }
}, Dep = class {
  // TODO isolatedDeclarations "__v_skip"
  constructor(computed) {
    this.computed = computed, this.version = 0, this.activeLink = void 0, this.subs = void 0, this.map = void 0, this.key = void 0, this.sc = 0, this.__v_skip = !0;
  }
  track(debugInfo) {
    if (!activeSub || !shouldTrack || activeSub === this.computed)
      return;
    let link = this.activeLink;
    if (link === void 0 || link.sub !== activeSub)
      link = this.activeLink = new Link(activeSub, this), activeSub.deps ? (link.prevDep = activeSub.depsTail, activeSub.depsTail.nextDep = link, activeSub.depsTail = link) : activeSub.deps = activeSub.depsTail = link, addSub(link);
    else if (link.version === -1 && (link.version = this.version, link.nextDep)) {
      let next = link.nextDep;
      next.prevDep = link.prevDep, link.prevDep && (link.prevDep.nextDep = next), link.prevDep = activeSub.depsTail, link.nextDep = void 0, activeSub.depsTail.nextDep = link, activeSub.depsTail = link, activeSub.deps === link && (activeSub.deps = next);
    }
    return link;
  }
  trigger(debugInfo) {
    this.version++, globalVersion++, this.notify(debugInfo);
  }
  notify(debugInfo) {
    startBatch();
    try {
      for (let link = this.subs; link; link = link.prevSub)
        link.sub.notify() && link.sub.dep.notify();
    } finally {
      endBatch();
    }
  }
};
function addSub(link) {
  if (link.dep.sc++, link.sub.flags & 4) {
    let computed = link.dep.computed;
    if (computed && !link.dep.subs) {
      computed.flags |= 20;
      for (let l = computed.deps; l; l = l.nextDep)
        addSub(l);
    }
    let currentTail = link.dep.subs;
    currentTail !== link && (link.prevSub = currentTail, currentTail && (currentTail.nextSub = link)), link.dep.subs = link;
  }
}
var targetMap = /* @__PURE__ */ new WeakMap(), ITERATE_KEY = /* @__PURE__ */ Symbol(
  ""
), MAP_KEY_ITERATE_KEY = /* @__PURE__ */ Symbol(
  ""
), ARRAY_ITERATE_KEY = /* @__PURE__ */ Symbol(
  ""
);
function track(target, type, key) {
  if (shouldTrack && activeSub) {
    let depsMap = targetMap.get(target);
    depsMap || targetMap.set(target, depsMap = /* @__PURE__ */ new Map());
    let dep = depsMap.get(key);
    dep || (depsMap.set(key, dep = new Dep()), dep.map = depsMap, dep.key = key), dep.track();
  }
}
function trigger(target, type, key, newValue, oldValue, oldTarget) {
  let depsMap = targetMap.get(target);
  if (!depsMap) {
    globalVersion++;
    return;
  }
  let run = (dep) => {
    dep && dep.trigger();
  };
  if (startBatch(), type === "clear")
    depsMap.forEach(run);
  else {
    let targetIsArray = isArray(target), isArrayIndex = targetIsArray && isIntegerKey(key);
    if (targetIsArray && key === "length") {
      let newLength = Number(newValue);
      depsMap.forEach((dep, key2) => {
        (key2 === "length" || key2 === ARRAY_ITERATE_KEY || !isSymbol(key2) && key2 >= newLength) && run(dep);
      });
    } else
      switch ((key !== void 0 || depsMap.has(void 0)) && run(depsMap.get(key)), isArrayIndex && run(depsMap.get(ARRAY_ITERATE_KEY)), type) {
        case "add":
          targetIsArray ? isArrayIndex && run(depsMap.get("length")) : (run(depsMap.get(ITERATE_KEY)), isMap(target) && run(depsMap.get(MAP_KEY_ITERATE_KEY)));
          break;
        case "delete":
          targetIsArray || (run(depsMap.get(ITERATE_KEY)), isMap(target) && run(depsMap.get(MAP_KEY_ITERATE_KEY)));
          break;
        case "set":
          isMap(target) && run(depsMap.get(ITERATE_KEY));
          break;
      }
  }
  endBatch();
}
function reactiveReadArray(array2) {
  let raw = /* @__PURE__ */ toRaw(array2);
  return raw === array2 || (track(raw, "iterate", ARRAY_ITERATE_KEY), /* @__PURE__ */ isShallow(array2)) ? raw : /* @__PURE__ */ isReadonly(array2) ? /* @__PURE__ */ isReactive(array2) ? raw.map((item) => toReadonly(toReactive(item))) : raw.map(toReadonly) : raw.map(toReactive);
}
function shallowReadArray(arr) {
  return track(arr = /* @__PURE__ */ toRaw(arr), "iterate", ARRAY_ITERATE_KEY), arr;
}
function toWrapped(target, item) {
  return /* @__PURE__ */ isReadonly(target) ? toReadonly(/* @__PURE__ */ isReactive(target) ? toReactive(item) : item) : toReactive(item);
}
var arrayInstrumentations = {
  __proto__: null,
  [Symbol.iterator]() {
    return iterator(this, Symbol.iterator, (item) => toWrapped(this, item));
  },
  concat(...args) {
    return reactiveReadArray(this).concat(
      ...args.map((x) => isArray(x) ? reactiveReadArray(x) : x)
    );
  },
  entries() {
    return iterator(this, "entries", (value) => (value[1] = toWrapped(this, value[1]), value));
  },
  every(fn, thisArg) {
    return apply(this, "every", fn, thisArg, void 0, arguments);
  },
  filter(fn, thisArg) {
    return apply(
      this,
      "filter",
      fn,
      thisArg,
      (v) => v.map((item) => toWrapped(this, item)),
      arguments
    );
  },
  find(fn, thisArg) {
    return apply(
      this,
      "find",
      fn,
      thisArg,
      (item) => toWrapped(this, item),
      arguments
    );
  },
  findIndex(fn, thisArg) {
    return apply(this, "findIndex", fn, thisArg, void 0, arguments);
  },
  findLast(fn, thisArg) {
    return apply(
      this,
      "findLast",
      fn,
      thisArg,
      (item) => toWrapped(this, item),
      arguments
    );
  },
  findLastIndex(fn, thisArg) {
    return apply(this, "findLastIndex", fn, thisArg, void 0, arguments);
  },
  // flat, flatMap could benefit from ARRAY_ITERATE but are not straight-forward to implement
  forEach(fn, thisArg) {
    return apply(this, "forEach", fn, thisArg, void 0, arguments);
  },
  includes(...args) {
    return searchProxy(this, "includes", args);
  },
  indexOf(...args) {
    return searchProxy(this, "indexOf", args);
  },
  join(separator) {
    return reactiveReadArray(this).join(separator);
  },
  // keys() iterator only reads `length`, no optimization required
  lastIndexOf(...args) {
    return searchProxy(this, "lastIndexOf", args);
  },
  map(fn, thisArg) {
    return apply(this, "map", fn, thisArg, void 0, arguments);
  },
  pop() {
    return noTracking(this, "pop");
  },
  push(...args) {
    return noTracking(this, "push", args);
  },
  reduce(fn, ...args) {
    return reduce(this, "reduce", fn, args);
  },
  reduceRight(fn, ...args) {
    return reduce(this, "reduceRight", fn, args);
  },
  shift() {
    return noTracking(this, "shift");
  },
  // slice could use ARRAY_ITERATE but also seems to beg for range tracking
  some(fn, thisArg) {
    return apply(this, "some", fn, thisArg, void 0, arguments);
  },
  splice(...args) {
    return noTracking(this, "splice", args);
  },
  toReversed() {
    return reactiveReadArray(this).toReversed();
  },
  toSorted(comparer) {
    return reactiveReadArray(this).toSorted(comparer);
  },
  toSpliced(...args) {
    return reactiveReadArray(this).toSpliced(...args);
  },
  unshift(...args) {
    return noTracking(this, "unshift", args);
  },
  values() {
    return iterator(this, "values", (item) => toWrapped(this, item));
  }
};
function iterator(self2, method, wrapValue) {
  let arr = shallowReadArray(self2), methodFn = arr[method], iter = methodFn.call(arr);
  if (arr !== self2 && !/* @__PURE__ */ isShallow(self2)) {
    if (iter[Symbol.toStringTag] === "Array Iterator") {
      let wrapped = Object.create(Object.getPrototypeOf(iter));
      return wrapped.next = () => wrapResult(iter.next(), wrapValue), methodFn !== arrayProto[method] && Object.defineProperties(wrapped, {
        return: {
          get() {
            let fn = iter.return;
            return typeof fn == "function" ? fn.bind(iter) : fn;
          }
        },
        throw: {
          get() {
            let fn = iter.throw;
            return typeof fn == "function" ? fn.bind(iter) : fn;
          }
        }
      }), wrapped;
    }
    iter._next = iter.next, iter.next = () => wrapResult(iter._next(), wrapValue);
  }
  return iter;
}
function wrapResult(result, wrapValue) {
  return result.done || (result.value = wrapValue(result.value)), result;
}
var arrayProto = Array.prototype;
function apply(self2, method, fn, thisArg, wrappedRetFn, args) {
  let arr = shallowReadArray(self2), needsWrap = arr !== self2 && !/* @__PURE__ */ isShallow(self2), methodFn = arr[method];
  if (methodFn !== arrayProto[method]) {
    let result2 = methodFn.apply(self2, args);
    return needsWrap ? toReactive(result2) : result2;
  }
  let wrappedFn = fn;
  arr !== self2 && (needsWrap ? wrappedFn = function(item, index) {
    return fn.call(this, toWrapped(self2, item), index, self2);
  } : fn.length > 2 && (wrappedFn = function(item, index) {
    return fn.call(this, item, index, self2);
  }));
  let result = methodFn.call(arr, wrappedFn, thisArg);
  return needsWrap && wrappedRetFn ? wrappedRetFn(result) : result;
}
function reduce(self2, method, fn, args) {
  let arr = shallowReadArray(self2), needsWrap = arr !== self2 && !/* @__PURE__ */ isShallow(self2), wrappedFn = fn, wrapInitialAccumulator = !1;
  arr !== self2 && (needsWrap ? (wrapInitialAccumulator = args.length === 0, wrappedFn = function(acc, item, index) {
    return wrapInitialAccumulator && (wrapInitialAccumulator = !1, acc = toWrapped(self2, acc)), fn.call(this, acc, toWrapped(self2, item), index, self2);
  }) : fn.length > 3 && (wrappedFn = function(acc, item, index) {
    return fn.call(this, acc, item, index, self2);
  }));
  let result = arr[method](wrappedFn, ...args);
  return wrapInitialAccumulator ? toWrapped(self2, result) : result;
}
function searchProxy(self2, method, args) {
  let arr = /* @__PURE__ */ toRaw(self2);
  track(arr, "iterate", ARRAY_ITERATE_KEY);
  let res = arr[method](...args);
  return (res === -1 || res === !1) && /* @__PURE__ */ isProxy(args[0]) ? (args[0] = /* @__PURE__ */ toRaw(args[0]), arr[method](...args)) : res;
}
function noTracking(self2, method, args = []) {
  pauseTracking(), startBatch();
  let res = (/* @__PURE__ */ toRaw(self2))[method].apply(self2, args);
  return endBatch(), resetTracking(), res;
}
var isNonTrackableKeys = /* @__PURE__ */ makeMap("__proto__,__v_isRef,__isVue"), builtInSymbols = /* @__PURE__ */ new Set(
  /* @__PURE__ */ Object.getOwnPropertyNames(Symbol).filter((key) => key !== "arguments" && key !== "caller").map((key) => Symbol[key]).filter(isSymbol)
);
function hasOwnProperty2(key) {
  isSymbol(key) || (key = String(key));
  let obj = /* @__PURE__ */ toRaw(this);
  return track(obj, "has", key), obj.hasOwnProperty(key);
}
var BaseReactiveHandler = class {
  constructor(_isReadonly = !1, _isShallow = !1) {
    this._isReadonly = _isReadonly, this._isShallow = _isShallow;
  }
  get(target, key, receiver) {
    if (key === "__v_skip") return target.__v_skip;
    let isReadonly2 = this._isReadonly, isShallow2 = this._isShallow;
    if (key === "__v_isReactive")
      return !isReadonly2;
    if (key === "__v_isReadonly")
      return isReadonly2;
    if (key === "__v_isShallow")
      return isShallow2;
    if (key === "__v_raw")
      return receiver === (isReadonly2 ? isShallow2 ? shallowReadonlyMap : readonlyMap : isShallow2 ? shallowReactiveMap : reactiveMap).get(target) || // receiver is not the reactive proxy, but has the same prototype
      // this means the receiver is a user proxy of the reactive proxy
      Object.getPrototypeOf(target) === Object.getPrototypeOf(receiver) ? target : void 0;
    let targetIsArray = isArray(target);
    if (!isReadonly2) {
      let fn;
      if (targetIsArray && (fn = arrayInstrumentations[key]))
        return fn;
      if (key === "hasOwnProperty")
        return hasOwnProperty2;
    }
    let res = Reflect.get(
      target,
      key,
      // if this is a proxy wrapping a ref, return methods using the raw ref
      // as receiver so that we don't have to call `toRaw` on the ref in all
      // its class methods
      /* @__PURE__ */ isRef(target) ? target : receiver
    );
    if ((isSymbol(key) ? builtInSymbols.has(key) : isNonTrackableKeys(key)) || (isReadonly2 || track(target, "get", key), isShallow2))
      return res;
    if (/* @__PURE__ */ isRef(res)) {
      let value = targetIsArray && isIntegerKey(key) ? res : res.value;
      return isReadonly2 && isObject2(value) ? /* @__PURE__ */ readonly(value) : value;
    }
    return isObject2(res) ? isReadonly2 ? /* @__PURE__ */ readonly(res) : /* @__PURE__ */ reactive(res) : res;
  }
}, MutableReactiveHandler = class extends BaseReactiveHandler {
  constructor(isShallow2 = !1) {
    super(!1, isShallow2);
  }
  set(target, key, value, receiver) {
    let oldValue = target[key], isArrayWithIntegerKey = isArray(target) && isIntegerKey(key);
    if (!this._isShallow) {
      let isOldValueReadonly = /* @__PURE__ */ isReadonly(oldValue);
      if (!/* @__PURE__ */ isShallow(value) && !/* @__PURE__ */ isReadonly(value) && (oldValue = /* @__PURE__ */ toRaw(oldValue), value = /* @__PURE__ */ toRaw(value)), !isArrayWithIntegerKey && /* @__PURE__ */ isRef(oldValue) && !/* @__PURE__ */ isRef(value))
        return isOldValueReadonly || (oldValue.value = value), !0;
    }
    let hadKey = isArrayWithIntegerKey ? Number(key) < target.length : hasOwn(target, key), result = Reflect.set(
      target,
      key,
      value,
      /* @__PURE__ */ isRef(target) ? target : receiver
    );
    return target === /* @__PURE__ */ toRaw(receiver) && result && (hadKey ? hasChanged(value, oldValue) && trigger(target, "set", key, value, oldValue) : trigger(target, "add", key, value)), result;
  }
  deleteProperty(target, key) {
    let hadKey = hasOwn(target, key), oldValue = target[key], result = Reflect.deleteProperty(target, key);
    return result && hadKey && trigger(target, "delete", key, void 0, oldValue), result;
  }
  has(target, key) {
    let result = Reflect.has(target, key);
    return (!isSymbol(key) || !builtInSymbols.has(key)) && track(target, "has", key), result;
  }
  ownKeys(target) {
    return track(
      target,
      "iterate",
      isArray(target) ? "length" : ITERATE_KEY
    ), Reflect.ownKeys(target);
  }
}, ReadonlyReactiveHandler = class extends BaseReactiveHandler {
  constructor(isShallow2 = !1) {
    super(!0, isShallow2);
  }
  set(target, key) {
    return !0;
  }
  deleteProperty(target, key) {
    return !0;
  }
}, mutableHandlers = /* @__PURE__ */ new MutableReactiveHandler(), readonlyHandlers = /* @__PURE__ */ new ReadonlyReactiveHandler();
var toShallow = (value) => value, getProto = (v) => Reflect.getPrototypeOf(v);
function createIterableMethod(method, isReadonly2, isShallow2) {
  return function(...args) {
    let target = this.__v_raw, rawTarget = /* @__PURE__ */ toRaw(target), targetIsMap = isMap(rawTarget), isPair = method === "entries" || method === Symbol.iterator && targetIsMap, isKeyOnly = method === "keys" && targetIsMap, innerIterator = target[method](...args), wrap = isShallow2 ? toShallow : isReadonly2 ? toReadonly : toReactive;
    return !isReadonly2 && track(
      rawTarget,
      "iterate",
      isKeyOnly ? MAP_KEY_ITERATE_KEY : ITERATE_KEY
    ), extend(
      // inheriting all iterator properties
      Object.create(innerIterator),
      {
        // iterator protocol
        next() {
          let { value, done } = innerIterator.next();
          return done ? { value, done } : {
            value: isPair ? [wrap(value[0]), wrap(value[1])] : wrap(value),
            done
          };
        }
      }
    );
  };
}
function createReadonlyMethod(type) {
  return function(...args) {
    return type === "delete" ? !1 : type === "clear" ? void 0 : this;
  };
}
function createInstrumentations(readonly2, shallow) {
  let instrumentations = {
    get(key) {
      let target = this.__v_raw, rawTarget = /* @__PURE__ */ toRaw(target), rawKey = /* @__PURE__ */ toRaw(key);
      readonly2 || (hasChanged(key, rawKey) && track(rawTarget, "get", key), track(rawTarget, "get", rawKey));
      let { has } = getProto(rawTarget), wrap = shallow ? toShallow : readonly2 ? toReadonly : toReactive;
      if (has.call(rawTarget, key))
        return wrap(target.get(key));
      if (has.call(rawTarget, rawKey))
        return wrap(target.get(rawKey));
      target !== rawTarget && target.get(key);
    },
    get size() {
      let target = this.__v_raw;
      return !readonly2 && track(/* @__PURE__ */ toRaw(target), "iterate", ITERATE_KEY), target.size;
    },
    has(key) {
      let target = this.__v_raw, rawTarget = /* @__PURE__ */ toRaw(target), rawKey = /* @__PURE__ */ toRaw(key);
      return readonly2 || (hasChanged(key, rawKey) && track(rawTarget, "has", key), track(rawTarget, "has", rawKey)), key === rawKey ? target.has(key) : target.has(key) || target.has(rawKey);
    },
    forEach(callback, thisArg) {
      let observed = this, target = observed.__v_raw, rawTarget = /* @__PURE__ */ toRaw(target), wrap = shallow ? toShallow : readonly2 ? toReadonly : toReactive;
      return !readonly2 && track(rawTarget, "iterate", ITERATE_KEY), target.forEach((value, key) => callback.call(thisArg, wrap(value), wrap(key), observed));
    }
  };
  return extend(
    instrumentations,
    readonly2 ? {
      add: createReadonlyMethod("add"),
      set: createReadonlyMethod("set"),
      delete: createReadonlyMethod("delete"),
      clear: createReadonlyMethod("clear")
    } : {
      add(value) {
        let target = /* @__PURE__ */ toRaw(this), proto = getProto(target), rawValue = /* @__PURE__ */ toRaw(value), valueToAdd = !shallow && !/* @__PURE__ */ isShallow(value) && !/* @__PURE__ */ isReadonly(value) ? rawValue : value;
        return proto.has.call(target, valueToAdd) || hasChanged(value, valueToAdd) && proto.has.call(target, value) || hasChanged(rawValue, valueToAdd) && proto.has.call(target, rawValue) || (target.add(valueToAdd), trigger(target, "add", valueToAdd, valueToAdd)), this;
      },
      set(key, value) {
        !shallow && !/* @__PURE__ */ isShallow(value) && !/* @__PURE__ */ isReadonly(value) && (value = /* @__PURE__ */ toRaw(value));
        let target = /* @__PURE__ */ toRaw(this), { has, get } = getProto(target), hadKey = has.call(target, key);
        hadKey || (key = /* @__PURE__ */ toRaw(key), hadKey = has.call(target, key));
        let oldValue = get.call(target, key);
        return target.set(key, value), hadKey ? hasChanged(value, oldValue) && trigger(target, "set", key, value, oldValue) : trigger(target, "add", key, value), this;
      },
      delete(key) {
        let target = /* @__PURE__ */ toRaw(this), { has, get } = getProto(target), hadKey = has.call(target, key);
        hadKey || (key = /* @__PURE__ */ toRaw(key), hadKey = has.call(target, key));
        let oldValue = get ? get.call(target, key) : void 0, result = target.delete(key);
        return hadKey && trigger(target, "delete", key, void 0, oldValue), result;
      },
      clear() {
        let target = /* @__PURE__ */ toRaw(this), hadItems = target.size !== 0, oldTarget = void 0, result = target.clear();
        return hadItems && trigger(
          target,
          "clear",
          void 0,
          void 0,
          oldTarget
        ), result;
      }
    }
  ), [
    "keys",
    "values",
    "entries",
    Symbol.iterator
  ].forEach((method) => {
    instrumentations[method] = createIterableMethod(method, readonly2, shallow);
  }), instrumentations;
}
function createInstrumentationGetter(isReadonly2, shallow) {
  let instrumentations = createInstrumentations(isReadonly2, shallow);
  return (target, key, receiver) => key === "__v_isReactive" ? !isReadonly2 : key === "__v_isReadonly" ? isReadonly2 : key === "__v_isShallow" ? shallow : key === "__v_raw" ? target : Reflect.get(
    hasOwn(instrumentations, key) && key in target ? instrumentations : target,
    key,
    receiver
  );
}
var mutableCollectionHandlers = {
  get: /* @__PURE__ */ createInstrumentationGetter(!1, !1)
};
var readonlyCollectionHandlers = {
  get: /* @__PURE__ */ createInstrumentationGetter(!0, !1)
};
var reactiveMap = /* @__PURE__ */ new WeakMap(), shallowReactiveMap = /* @__PURE__ */ new WeakMap(), readonlyMap = /* @__PURE__ */ new WeakMap(), shallowReadonlyMap = /* @__PURE__ */ new WeakMap();
function targetTypeMap(rawType) {
  switch (rawType) {
    case "Object":
    case "Array":
      return 1;
    case "Map":
    case "Set":
    case "WeakMap":
    case "WeakSet":
      return 2;
    default:
      return 0;
  }
}
// @__NO_SIDE_EFFECTS__
function reactive(target) {
  return /* @__PURE__ */ isReadonly(target) ? target : createReactiveObject(
    target,
    !1,
    mutableHandlers,
    mutableCollectionHandlers,
    reactiveMap
  );
}
// @__NO_SIDE_EFFECTS__
function readonly(target) {
  return createReactiveObject(
    target,
    !0,
    readonlyHandlers,
    readonlyCollectionHandlers,
    readonlyMap
  );
}
function createReactiveObject(target, isReadonly2, baseHandlers, collectionHandlers, proxyMap) {
  if (!isObject2(target) || target.__v_raw && !(isReadonly2 && target.__v_isReactive) || target.__v_skip || !Object.isExtensible(target))
    return target;
  let existingProxy = proxyMap.get(target);
  if (existingProxy)
    return existingProxy;
  let targetType = targetTypeMap(toRawType(target));
  if (targetType === 0)
    return target;
  let proxy = new Proxy(
    target,
    targetType === 2 ? collectionHandlers : baseHandlers
  );
  return proxyMap.set(target, proxy), proxy;
}
// @__NO_SIDE_EFFECTS__
function isReactive(value) {
  return /* @__PURE__ */ isReadonly(value) ? /* @__PURE__ */ isReactive(value.__v_raw) : !!(value && value.__v_isReactive);
}
// @__NO_SIDE_EFFECTS__
function isReadonly(value) {
  return !!(value && value.__v_isReadonly);
}
// @__NO_SIDE_EFFECTS__
function isShallow(value) {
  return !!(value && value.__v_isShallow);
}
// @__NO_SIDE_EFFECTS__
function isProxy(value) {
  return value ? !!value.__v_raw : !1;
}
// @__NO_SIDE_EFFECTS__
function toRaw(observed) {
  let raw = observed && observed.__v_raw;
  return raw ? /* @__PURE__ */ toRaw(raw) : observed;
}
var toReactive = (value) => isObject2(value) ? /* @__PURE__ */ reactive(value) : value, toReadonly = (value) => isObject2(value) ? /* @__PURE__ */ readonly(value) : value;
// @__NO_SIDE_EFFECTS__
function isRef(r) {
  return r ? r.__v_isRef === !0 : !1;
}

// core/state.ts
var ENDED_KEPT = 50, StateStore = class {
  #state = reactive({ connection: "idle", node: void 0, pods: {}, end: void 0 });
  /** For those who watch. */
  view = readonly(this.#state);
  #ended = [];
  connection(is) {
    this.#state.connection !== "ended" && (this.#state.connection = is);
  }
  registered({ nodeId, name, access }) {
    this.#state.node = { id: nodeId, name, access }, this.connection("connected");
  }
  over(end) {
    this.connection("ended"), this.#state.end = end;
  }
  assigned({ podId, incarnation: incarnation2, name, namespace, pack: pack2 }, now) {
    this.#state.pods[podId] = {
      podId,
      incarnation: incarnation2,
      name,
      namespace,
      pack: `${pack2.name}@${pack2.version}`,
      status: "starting",
      reason: "",
      message: "",
      progress: void 0,
      progressText: "",
      changedAt: now
    };
  }
  status({ podId, incarnation: incarnation2, status: status2, reason = "", message = "" }, now) {
    let pod = this.#pod(podId, incarnation2);
    pod && Object.assign(pod, { status: status2, reason, message, changedAt: now });
  }
  progress(podId, incarnation2, fraction, text2) {
    let pod = this.#pod(podId, incarnation2);
    pod && Object.assign(pod, { progress: fraction, progressText: text2 });
  }
  /** Its worker is gone; `silent` means that nobody was told what became of it. */
  gone(podId, incarnation2, silent) {
    if (this.#pod(podId, incarnation2))
      for (silent ? delete this.#state.pods[podId] : this.#ended.push(podId); this.#ended.length > ENDED_KEPT; ) this.#forget(this.#ended.shift() ?? "");
  }
  /** Unless it has come back meanwhile. */
  #forget(podId) {
    let status2 = this.#state.pods[podId]?.status;
    (status2 === "stopped" || status2 === "failed") && delete this.#state.pods[podId];
  }
  #pod(podId, incarnation2) {
    let pod = this.#state.pods[podId];
    return pod?.incarnation === incarnation2 ? pod : void 0;
  }
};

// core/storage.ts
var STORAGE_LIMITS = { keyBytes: 120, valueBytes: 256 * 1024, keys: 1e3, totalBytes: 16 << 20 }, PackSpace = class {
  #store;
  #scope;
  #turn = Promise.resolve();
  /** Bytes by key, once they were asked for. */
  #sizes;
  constructor(store, scope) {
    this.#store = store, this.#scope = scope;
  }
  /** Never rejects: what went wrong is part of the answer. */
  ask(request) {
    let answer2 = this.#turn.then(() => this.#answer(request)).catch((error) => ({ error: `storage: ${messageOf(error)}` }));
    return this.#turn = answer2, answer2;
  }
  async #answer(request) {
    switch (request.op) {
      case "get": {
        let json2 = await this.#store.get(this.#scope, request.key);
        return json2 === void 0 ? {} : { json: json2 };
      }
      case "set":
        return await this.#set(request.key, request.json);
      case "delete": {
        let sizes = await this.#known();
        return sizes.has(request.key) ? (await this.#store.delete(this.#scope, request.key), sizes.delete(request.key), { existed: !0 }) : { existed: !1 };
      }
      case "list":
        return { keys: [...(await this.#known()).keys()].filter((key) => key.startsWith(request.prefix)).sort() };
    }
  }
  async #set(key, json2) {
    let { keyBytes, valueBytes, keys, totalBytes } = STORAGE_LIMITS, [length, bytes] = [utf8Length(key), utf8Length(json2)];
    if (length > keyBytes) return { error: `storage: a key has at most ${keyBytes} bytes, this one has ${length}` };
    if (bytes > valueBytes) return { error: `storage: a value has at most ${valueBytes} bytes of JSON, this one has ${bytes}` };
    let sizes = await this.#known();
    if (!sizes.has(key) && sizes.size >= keys) return { error: `storage: a pack keeps at most ${keys} keys in a namespace; delete some` };
    let total = bytes - (sizes.get(key) ?? 0);
    for (let size of sizes.values()) total += size;
    return total > totalBytes ? { error: `storage: a pack keeps at most ${totalBytes} bytes in a namespace; delete some` } : (await this.#store.set(this.#scope, key, json2), sizes.set(key, bytes), {});
  }
  async #known() {
    return this.#sizes ??= new Map((await this.#store.entries(this.#scope)).map(({ key, bytes }) => [key, bytes])), this.#sizes;
  }
}, Storage = class {
  #store;
  #spaces = /* @__PURE__ */ new Map();
  constructor(store) {
    this.#store = store;
  }
  of(namespace, pack2) {
    let scope = `${namespace}/${pack2}`, space = this.#spaces.get(scope);
    return space || (space = new PackSpace(this.#store, scope), this.#spaces.set(scope, space)), space;
  }
};

// core/version.ts
var AGENT_VERSION = "0.1.0";

// core/agent.ts
var LOG_DELAY_MS = 100, MAX_BUFFERED_BYTES = 1 << 20, RESEND_MS = 15e3, SETTLE_MS = 5e3, TERMINATE_MS = 2e3, Agent = class {
  /** Resolves when all is over: the session has ended and no worker is left. */
  ended;
  #ports;
  #config;
  #session;
  #bundles;
  #storage;
  #view = new StateStore();
  #outbox = new StatusOutbox();
  #logs = new LogBuffer();
  /** The highest incarnation of each pod, until its worker is gone. */
  #pods = /* @__PURE__ */ new Map();
  #workers = /* @__PURE__ */ new Set();
  #fence;
  #end = () => {
  };
  #state = "idle";
  #lines;
  #resend;
  #settled;
  constructor(ports, config) {
    let { clock, random, log, openSocket: openSocket2, http, sha256: sha2563, cache, credentials } = ports;
    this.#ports = ports, this.#config = config, this.#storage = new Storage(ports.storage);
    let tokens = new Tokens({ http, store: credentials, clock, log });
    this.#bundles = new Bundles({ http, cache, sha256: sha2563, tokens, clock, random, log }), this.#fence = new Fence(clock, (graceMs) => this.#fenceOff(graceMs)), this.#session = new Session(
      {
        url: config.url,
        clock,
        random,
        openSocket: openSocket2,
        tokens,
        log,
        agent: { name: `stark-agent-${ports.host.runtimeType}`, version: AGENT_VERSION }
      },
      {
        registration: () => this.#registration(),
        heartbeat: () => ({ pods: this.#pods.size, ...usageOf(ports.host) }),
        ready: (registered) => this.#ready(registered),
        lost: () => this.#view.connection("connecting"),
        leased: (since, leaseMs) => this.#fence.extended(since, leaseMs),
        frame: (frame) => this.#frame(frame),
        end: (end) => {
          this.#over(end);
        }
      }
    ), this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }
  /** Starts to connect. Once. */
  start() {
    this.#state === "idle" && (this.#state = "active", this.#view.connection("connecting"), this.#session.start());
  }
  /** Stops all pods within their grace periods, at most `maxGraceMs`, says goodbye and ends. The server places the pods anew. */
  shutdown(reason, maxGraceMs = 1 / 0) {
    if (this.#state === "active")
      this.#state = "leaving", this.#view.connection("leaving"), this.#leave(reason, maxGraceMs);
    else if (this.#state === "leaving") for (let pod of this.#pods.values()) pod.retire(maxGraceMs);
  }
  /** What it is and runs, to be watched with Vue's reactivity. */
  get state() {
    return this.#view.view;
  }
  /** The platform has a network again: connects now rather than when its time comes. */
  networkIsBack() {
    this.#session.retryNow();
  }
  /** Pods whose worker is not gone. */
  get podCount() {
    return this.#pods.size;
  }
  async #leave(reason, maxGraceMs) {
    this.#ports.log.info("leaving", { reason, pods: this.#pods.size });
    for (let pod of this.#pods.values()) pod.retire(maxGraceMs);
    let longest = Math.max(0, ...[...this.#pods.values()].map((pod) => Math.min(pod.assignment.gracePeriodMs, maxGraceMs)));
    await this.#within(longest + SETTLE_MS, Promise.all(this.#workers)), this.#flush(), this.#sendLines(), await this.#within(SETTLE_MS, this.#acknowledgements()), this.#state === "leaving" && this.#session.leave(reason, SETTLE_MS);
  }
  /** Resolves when no status waits, or when there is no connection that could take one. */
  #acknowledgements() {
    return this.#outbox.size === 0 || !this.#session.ready ? Promise.resolve() : new Promise((resolve) => {
      this.#settled = resolve;
    });
  }
  /** Resolves when `work` has, at the latest after `ms`. */
  #within(ms, work) {
    return new Promise((resolve) => {
      let timer = this.#ports.clock.timer(ms, resolve);
      work.then(() => {
        timer.cancel(), resolve();
      });
    });
  }
  /** The session is over for good, and with it all that runs here: another node may run it next. */
  async #over(end) {
    this.#state = "ended", this.#fence.stop(), this.#lines?.cancel(), this.#resend?.cancel(), this.#settled?.();
    for (let pod of this.#pods.values()) pod.disown(end.message);
    await this.#within(TERMINATE_MS, Promise.all(this.#workers)), this.#view.over(end), this.#end(end);
  }
  /** The node may soon be given up, or has been: ends the pods that asked never to run twice, without a word, so that they are placed anew. */
  #fenceOff(graceMs) {
    for (let pod of this.#pods.values())
      isFenced(pod.assignment) && pod.fence(graceMs);
  }
  #registration() {
    let { host } = this.#ports, { name, bootId, labels, annotations, taints, capabilities: capabilities2, resources } = this.#config;
    return {
      name,
      runtimeType: host.runtimeType,
      runtimeVersion: host.runtimeVersion,
      agentVersion: AGENT_VERSION,
      bootId,
      ...labels && { labels },
      ...annotations && { annotations },
      ...taints && { taints },
      ...capabilities2 && { capabilities: capabilities2 },
      resources,
      pods: this.#held()
    };
  }
  #held() {
    let held = /* @__PURE__ */ new Map();
    for (let pod of this.#outbox.terminal()) held.set(pod.podId, pod);
    for (let pod of this.#pods.values())
      pod.silent && !pod.retiring || isTerminal(pod.status) || held.set(pod.podId, { podId: pod.podId, incarnation: pod.incarnation, status: pod.status });
    return [...held.values()];
  }
  #ready(registered) {
    let { name, nodeId, access } = registered;
    this.#view.registered(registered), this.#ports.log.info("registered", { node: name, nodeId, access, pods: this.#pods.size }), this.#outbox.rewind(), this.#flush(), this.#sendLines();
  }
  #frame(frame) {
    switch (frame.type) {
      case "pod:assign":
        this.#assign(frame.payload);
        break;
      case "pod:stop":
        this.#stop(frame.payload);
        break;
      case "pod:status:ack":
        this.#acknowledged(frame.payload);
    }
  }
  #assign(assignment) {
    if (this.#state !== "active") return;
    let { podId, incarnation: incarnation2 } = assignment, current = this.#pods.get(podId);
    if (current && current.incarnation >= incarnation2 || this.#outbox.settled(podId) >= incarnation2) return;
    current?.disown("a later incarnation was assigned"), this.#outbox.dropBelow(podId, incarnation2), this.#ports.log.info("pod assigned", {
      pod: `${assignment.namespace}/${assignment.name}`,
      podId,
      incarnation: incarnation2,
      pack: `${assignment.pack.name}@${assignment.pack.version}`
    });
    let { clock, log, workers, host, watchLines } = this.#ports, events = {
      status: (report) => {
        this.#view.status(report, clock.now()), this.#outbox.add(report), this.#flush();
      },
      line: (line) => {
        this.#logs.add(podId, incarnation2, line), watchLines?.(podId, line), this.#planLines();
      },
      dropped: (lines) => this.#logs.addDropped(podId, incarnation2, lines),
      progress: (fraction, text2) => this.#view.progress(podId, incarnation2, fraction, text2),
      ended: () => {
        this.#view.gone(podId, incarnation2, pod.silent), this.#pods.get(podId) === pod && this.#pods.delete(podId);
      }
    }, pod = new Pod(
      assignment,
      { clock, log, workers, bundles: this.#bundles, runtimeType: host.runtimeType, storage: this.#storage },
      events,
      current?.gone ?? Promise.resolve()
    );
    this.#pods.set(podId, pod), this.#view.assigned(assignment, clock.now()), this.#track(pod);
  }
  #track(pod) {
    let gone = pod.gone.catch((error) => {
      this.#ports.log.error("a pod was lost track of", { podId: pod.podId, error: messageOf(error) });
    });
    this.#workers.add(gone), gone.then(() => this.#workers.delete(gone));
  }
  #stop({ podId, incarnation: incarnation2, reason, gracePeriodMs }) {
    let pod = this.#pods.get(podId);
    if (pod && pod.incarnation > incarnation2) return;
    if (reason === "stale") {
      pod?.disown("the server says that it is stale");
      return;
    }
    let silent = reason === "deleted";
    if (pod && (silent || pod.incarnation === incarnation2)) {
      pod.stop({ reason, graceMs: gracePeriodMs, silent });
      return;
    }
    pod?.disown("a later incarnation is to be stopped"), !(silent || this.#outbox.settled(podId) >= incarnation2) && (this.#outbox.add({ podId, incarnation: incarnation2, status: "stopped", reason, at: new Date(this.#ports.clock.now()).toISOString() }), this.#flush());
  }
  #acknowledged(ack) {
    let report = this.#outbox.acknowledge(ack);
    if (!report) return;
    let { podId, incarnation: incarnation2, status: status2, accepted, code, message } = ack;
    if (accepted || this.#ports.log.warn("the server refused a status", { podId, incarnation: incarnation2, status: status2, code, message }), code === "INVALID" && (report.message !== void 0 || report.result !== void 0)) {
      let { message: _, result: __, ...bare } = report;
      this.#outbox.add(bare), this.#flush();
      return;
    }
    this.#settle();
    let pod = this.#pods.get(podId);
    !pod || pod.incarnation !== incarnation2 || isTerminal(status2) || (status2 === "starting" ? pod.claimed(accepted) : !accepted && (code !== "ILLEGAL_TRANSITION" || pod.status === status2) && pod.disown(`the server refused its status ${status2}`));
  }
  /** Nothing is waiting for an answer any more. */
  #settle() {
    this.#outbox.size > 0 || (this.#resend?.cancel(), this.#resend = void 0, this.#settled?.());
  }
  /** Sends the statuses that are to be sent; a pod's last lines go before its last status. */
  #flush() {
    this.#session.ready && (this.#outbox.flush(this.#ports.clock.monotonic(), RESEND_MS, (report) => (isTerminal(report.status) && this.#sendLinesOf(report.podId, report.incarnation), this.#session.send("pod:status", report))), !(this.#outbox.size === 0 || this.#resend) && (this.#resend = this.#ports.clock.timer(RESEND_MS, () => {
      this.#resend = void 0, this.#flush();
    })));
  }
  #sendLinesOf(podId, incarnation2) {
    for (let batch = this.#logs.take(podId, incarnation2); batch; batch = this.#logs.take(podId, incarnation2))
      this.#session.send("pod:logs", batch);
  }
  #planLines() {
    this.#lines ??= this.#ports.clock.timer(LOG_DELAY_MS, () => {
      this.#lines = void 0, this.#sendLines();
    });
  }
  #sendLines() {
    for (; this.#session.ready && this.#session.bufferedBytes < MAX_BUFFERED_BYTES; ) {
      let batch = this.#logs.take();
      if (!batch) return;
      this.#session.send("pod:logs", batch);
    }
    this.#session.ready && this.#planLines();
  }
};
function usageOf(host) {
  let usage = host.usage();
  return usage ? { usage } : {};
}

// node/clock.ts
import { performance } from "node:perf_hooks";
var MAX_TIMER_MS = 2 ** 31 - 1, nodeClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fire) {
    let timer = setTimeout(fire, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  }
}, nodeRandom = { next: () => Math.random() };

// node/config.ts
import { join } from "node:path";

// node/logger.ts
var LOG_LEVELS = ["debug", "info", "warn", "error"], LOG_FORMATS = ["text", "json"];
function createLogger(format, level, write) {
  let lowest = LOG_LEVELS.indexOf(level), at = (of) => (message, fields = {}) => {
    if (LOG_LEVELS.indexOf(of) < lowest) return;
    let record2 = { time: (/* @__PURE__ */ new Date()).toISOString(), level: of.toUpperCase(), msg: message, ...fields };
    write(format === "json" ? `${JSON.stringify(record2)}
` : `${text(record2)}
`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
function text(record2) {
  return Object.entries(record2).filter(([, value]) => value !== void 0).map(([key, value]) => `${key}=${quoted(String(value))}`).join(" ");
}
function quoted(value) {
  return value === "" || /[\s"=\p{Cc}]/u.test(value) ? JSON.stringify(value) : value;
}

// node/config.ts
var ISOLATIONS = ["thread", "process"], ConfigError = class extends Error {
  name = "ConfigError";
}, DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, CPU = /^\d+(\.\d+)?m?$/, MEMORY = /^\d+(\.\d+)?([kMGT]|[KMGT]i)?$/, LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
function configFrom(env, detected) {
  let credentials = set(env, "STARK_CREDENTIALS"), url = socketUrl(set(env, "STARK_SERVER"));
  if (credentials === void 0)
    throw new ConfigError("STARK_CREDENTIALS is not set: set it to the path of the file with this agent's Supabase credentials");
  return {
    url,
    name: nameOf(set(env, "STARK_NODE_NAME"), detected.hostname),
    home: set(env, "STARK_AGENT_HOME") ?? join(set(env, "XDG_STATE_HOME") ?? join(detected.userHome, ".local", "state"), "stark", "agent"),
    credentials,
    labels: labelsOf(set(env, "STARK_NODE_LABELS")),
    taints: taintsOf(set(env, "STARK_NODE_TAINTS")),
    resources: {
      cpu: quantity(env, "STARK_NODE_CPU", CPU, "4 or 500m") ?? detected.resources.cpu,
      memory: quantity(env, "STARK_NODE_MEMORY", MEMORY, "512Mi or 8Gi") ?? detected.resources.memory,
      pods: count2(env, "STARK_NODE_PODS") ?? detected.resources.pods
    },
    isolation: choice(env, "STARK_AGENT_ISOLATION", ISOLATIONS) ?? "thread",
    logFormat: choice(env, "STARK_LOG_FORMAT", LOG_FORMATS) ?? "text",
    logLevel: choice(env, "STARK_LOG_LEVEL", LOG_LEVELS) ?? "info",
    endsWithStdin: choice(env, "STARK_AGENT_PARENT", ["stdin"]) === "stdin"
  };
}
function set(env, name) {
  let value = env[name]?.trim();
  return value === "" ? void 0 : value;
}
function socketUrl(server) {
  if (server === void 0)
    throw new ConfigError("STARK_SERVER is not set: set it to the URL of the Stark server, e.g. http://127.0.0.1:7827");
  let url;
  try {
    url = new URL(server);
  } catch {
    throw new ConfigError(
      `STARK_SERVER is no URL: ${JSON.stringify(server)}; set it to that of the Stark server, e.g. http://127.0.0.1:7827`
    );
  }
  let scheme = { "http:": "ws:", "https:": "wss:" }[url.protocol];
  if (scheme === void 0) throw new ConfigError(`STARK_SERVER must begin with http:// or https://, not ${url.protocol}//`);
  return `${scheme}//${url.host}${url.pathname.replace(/\/+$/, "")}/ws`;
}
function nameOf(name, hostname2) {
  if (name !== void 0) {
    if (DNS_LABEL.test(name)) return name;
    throw new ConfigError(`STARK_NODE_NAME must be a DNS label (at most 63 of a-z, 0-9 and -), not ${JSON.stringify(name)}`);
  }
  let label = hostname2.toLowerCase().replace(/[^a-z0-9-]+/g, "-").replace(/^-+/, "").slice(0, 63).replace(/-+$/, "");
  if (label !== "") return label;
  throw new ConfigError("STARK_NODE_NAME is not set and this host's name makes none: set it to a DNS label");
}
function labelsOf(text2) {
  return Object.fromEntries(
    items(text2).map((item) => {
      let [, key = "", value = ""] = /^([^=]+)=(.*)$/.exec(item) ?? [];
      if (LABEL_KEY.test(key) && LABEL_VALUE.test(value)) return [key, value];
      throw new ConfigError(`STARK_NODE_LABELS must be key=value,key=value; ${JSON.stringify(item)} is no label`);
    })
  );
}
function taintsOf(text2) {
  return items(text2).map((item) => {
    let [, key = "", value, effect] = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(item) ?? [], known = EFFECTS.find((one) => one === effect);
    if (known && LABEL_KEY.test(key) && LABEL_VALUE.test(value ?? ""))
      return value === void 0 ? { key, effect: known } : { key, value, effect: known };
    throw new ConfigError(
      `STARK_NODE_TAINTS must be key=value:Effect,…, with Effect one of ${EFFECTS.join(", ")}; ${JSON.stringify(item)} is no taint`
    );
  });
}
function items(text2) {
  return (text2 ?? "").split(",").map((item) => item.trim()).filter((item) => item !== "");
}
function quantity(env, name, pattern, example) {
  let value = set(env, name);
  if (value === void 0 || pattern.test(value)) return value;
  throw new ConfigError(`${name} must be a quantity like ${example}, not ${JSON.stringify(value)}`);
}
function count2(env, name) {
  let value = set(env, name);
  if (value !== void 0) {
    if (/^\d{1,6}$/.test(value)) return Number(value);
    throw new ConfigError(`${name} must be a whole number, not ${JSON.stringify(value)}`);
  }
}
function choice(env, name, allowed) {
  let value = set(env, name), chosen = allowed.find((one) => one === value);
  if (value === void 0 || chosen !== void 0) return chosen;
  throw new ConfigError(`${name} must be ${allowed.join(" or ")}, not ${JSON.stringify(value)}`);
}

// node/files.ts
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join as join2 } from "node:path";
var CACHE_BYTES = 1 << 30;
async function writeAtomically(path, data, mode) {
  let temporary = join2(dirname(path), `.${randomUUID()}.tmp`);
  try {
    let file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(data), await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    throw await rm(temporary, { force: !0 }), error;
  }
}
var DiskCache = class {
  #dir;
  #maxBytes;
  constructor(dir, maxBytes = CACHE_BYTES) {
    this.#dir = dir, this.#maxBytes = maxBytes;
  }
  async get(sha2563) {
    let path = this.#path(sha2563);
    try {
      let bytes = await readFile(path), now = /* @__PURE__ */ new Date();
      return await utimes(path, now, now), bytes;
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
  }
  async put(sha2563, bytes) {
    await mkdir(this.#dir, { recursive: !0, mode: 448 }), await writeAtomically(this.#path(sha2563), bytes, 384), await this.#prune(sha2563);
  }
  async delete(sha2563) {
    await rm(this.#path(sha2563), { force: !0 });
  }
  async #prune(keep) {
    let files = await this.#files(), total = files.reduce((sum, file) => sum + file.size, 0);
    for (let { name, size } of files.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= this.#maxBytes) return;
      name !== keep && (await this.delete(name), total -= size);
    }
  }
  async #files() {
    let files = [];
    for (let name of await readdir(this.#dir)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      let { size, mtimeMs } = await stat(join2(this.#dir, name)).catch(() => ({ size: 0, mtimeMs: 0 }));
      files.push({ name, size, usedAt: mtimeMs });
    }
    return files;
  }
  #path(sha2563) {
    return join2(this.#dir, sha2563);
  }
}, CredentialsFile = class {
  #path;
  constructor(path) {
    this.#path = path;
  }
  async load() {
    let { supabaseUrl, anonKey, email, password, accessToken, refreshToken } = await this.#read();
    if (typeof supabaseUrl != "string" || !/^https?:\/\//.test(supabaseUrl))
      throw this.#wrong("supabaseUrl must be a URL, e.g. http://127.0.0.1:54321");
    if (typeof anonKey != "string" || anonKey === "") throw this.#wrong("anonKey is missing: the project's anon or publishable key");
    let credentials = {
      supabaseUrl: supabaseUrl.replace(/\/+$/, ""),
      anonKey,
      ...strings({ email, password, accessToken, refreshToken })
    };
    if (!credentials.accessToken && !credentials.refreshToken && !(credentials.email && credentials.password))
      throw this.#wrong("it holds no accessToken, no refreshToken, and no email with password: one of these is needed");
    return credentials;
  }
  async save(credentials) {
    let kept = await this.#read().catch(() => ({}));
    await writeAtomically(this.#path, `${JSON.stringify({ ...kept, ...credentials }, null, 2)}
`, 384);
  }
  async #read() {
    let text2;
    try {
      text2 = await readFile(this.#path, "utf8");
    } catch (error) {
      throw new Error(`the credentials file ${this.#path} cannot be read: ${error.message}`, { cause: error });
    }
    let value;
    try {
      value = JSON.parse(text2);
    } catch {
      throw this.#wrong("it is not JSON");
    }
    if (!isObject(value)) throw this.#wrong("it is not a JSON object");
    return value;
  }
  #wrong(what) {
    return new Error(`the credentials file ${this.#path} cannot be used: ${what}`);
  }
};
async function scratchDirectory(dir) {
  await mkdir(dir, { recursive: !0, mode: 448 });
  for (let name of await readdir(dir)) {
    let pid = Number(/^(\d+)-/.exec(name)?.[1]);
    pid > 0 && (pid === process.pid || !isAlive(pid)) && await rm(join2(dir, name), { recursive: !0, force: !0 });
  }
  let own = join2(dir, `${process.pid}-${randomUUID()}`);
  return await mkdir(own, { mode: 448 }), own;
}
function isAlive(pid) {
  try {
    return process.kill(pid, 0), !0;
  } catch (error) {
    return error.code === "EPERM";
  }
}
function isMissing(error) {
  return error.code === "ENOENT";
}
function strings(values) {
  let entries = Object.entries(values).filter(([, value]) => typeof value == "string" && value !== "");
  return Object.fromEntries(entries);
}

// node/host.ts
import { availableParallelism, arch, platform, totalmem } from "node:os";
import { performance as performance2 } from "node:perf_hooks";
function nodeHost() {
  let cpu = process.cpuUsage(), at = performance2.now();
  return {
    runtimeType: "node",
    runtimeVersion: process.version,
    usage() {
      let now = performance2.now(), used = process.cpuUsage(cpu), elapsed = Math.max(1, now - at);
      return cpu = process.cpuUsage(), at = now, { cpuMillis: Math.max(0, Math.round((used.user + used.system) / elapsed)), memoryBytes: process.memoryUsage.rss() };
    }
  };
}
function detectedResources() {
  let constrained = process.constrainedMemory(), memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { cpu: String(availableParallelism()), memory: `${Math.floor(memory * 3 / 4 / (1 << 20))}Mi`, pods: 110 };
}
function capabilities(isolation) {
  return { isolation: isolation === "process" ? "process" : "worker_threads", memoryLimit: !0, platform: platform(), arch: arch() };
}

// node/http.ts
import { createHash } from "node:crypto";
var httpFetch = async (request) => {
  let { method, url, headers, body, timeoutMs, maxBytes, cancel } = request, cancelled = new AbortController(), stopListening = cancel?.onCancel(() => cancelled.abort());
  try {
    let response = await fetch(url, {
      method,
      headers,
      ...body === void 0 ? {} : { body },
      // What carries a key or a token is sent to the address that was configured and to no other.
      redirect: method === "POST" ? "error" : "follow",
      signal: AbortSignal.any([cancelled.signal, AbortSignal.timeout(timeoutMs)])
    });
    return answer(response.status, await bodyOf(response, maxBytes));
  } catch (error) {
    throw error instanceof ResponseTooLarge ? error : new Error(explain(error, request), { cause: error });
  } finally {
    stopListening?.();
  }
}, sha2562 = (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex"));
function answer(status2, bytes) {
  return { status: status2, bytes, text: () => new TextDecoder().decode(bytes) };
}
async function bodyOf(response, maxBytes) {
  let chunks = [], length = 0;
  for await (let chunk of response.body ?? []) {
    let bytes = chunk;
    if (length += bytes.length, length > maxBytes) throw new ResponseTooLarge(`the answer has more than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, length);
}
function explain(error, { timeoutMs }) {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs / 1e3} s`;
  let { cause } = error;
  return cause instanceof Error && (cause.message || cause.code) || error.message;
}

// node/launcher.ts
import { mkdir as mkdir2, rm as rm2, writeFile } from "node:fs/promises";
import { join as join3 } from "node:path";
import { Worker } from "node:worker_threads";

// core/pack/messages.ts
function parseWorkerMessage(value) {
  if (!isObject(value)) return;
  let { type, stream, text: text2, at, dropped, result, message, reason, health, fraction, problem: problem2, id, request } = value;
  switch (type) {
    case "output":
      return stream !== "stdout" && stream !== "stderr" || typeof text2 != "string" || !isTime(at) ? void 0 : isCount(dropped) ? { type, stream, text: text2, at, dropped } : { type, stream, text: text2, at };
    case "running":
      return health === !0 ? { type, health } : { type };
    case "done":
      return {
        type,
        ...typeof result == "string" ? { result } : {},
        ...typeof message == "string" ? { message } : {}
      };
    case "failed":
      return reason !== "import_error" && reason !== "crashed" || typeof message != "string" ? void 0 : { type, reason, message };
    case "progress":
      return {
        type,
        ...typeof fraction == "number" && fraction >= 0 && fraction <= 1 ? { fraction } : {},
        ...typeof text2 == "string" ? { text: text2 } : {}
      };
    case "health":
      return typeof problem2 == "string" ? { type, problem: problem2 } : { type };
    case "storage": {
      let asked = parseStorageRequest(request);
      return asked && isCount(id) ? { type, id, request: asked } : void 0;
    }
    default:
      return;
  }
}
function parseStorageRequest(value) {
  if (!isObject(value)) return;
  let { op, key, json: json2, prefix } = value;
  if (op === "list") return typeof prefix == "string" ? { op, prefix } : void 0;
  if (typeof key == "string")
    return op === "get" || op === "delete" ? { op, key } : op === "set" && typeof json2 == "string" ? { op, key, json: json2 } : void 0;
}
function isTime(value) {
  return typeof value == "number" && value >= 0 && value < 2534023008e5;
}
function isCount(value) {
  return typeof value == "number" && Number.isSafeInteger(value) && value > 0;
}

// node/launcher.ts
var MIB = 1 << 20, MIN_HEAP_MIB = 16, ThreadLauncher = class {
  #script;
  #scratch;
  /** `scratch` is a directory for the files of pods while they run. */
  constructor(script, scratch) {
    this.#script = script, this.#scratch = scratch;
  }
  async launch(spec, events) {
    let dir = join3(this.#scratch, `${spec.identity.podId}-${spec.identity.incarnation}`);
    await mkdir2(dir);
    let removed = () => rm2(dir, { recursive: !0, force: !0 });
    try {
      let file = join3(dir, "pack");
      return await writeFile(file, spec.bundle, { mode: 384 }), this.#start(spec, file, events, removed);
    } catch (error) {
      throw await removed(), error;
    }
  }
  #start(spec, file, events, remove2) {
    let { identity, memoryBytes } = spec, inFlight = new Int32Array(new SharedArrayBuffer(4)), input = { identity, file, inFlight }, worker = new Worker("source" in this.#script ? this.#script.source : this.#script.url, {
      eval: "source" in this.#script,
      name: identity.podName,
      workerData: input,
      // The agent's own environment and flags are none of the pack's business.
      env: identity.env,
      argv: [],
      execArgv: [],
      stdout: !0,
      stderr: !0,
      ...memoryBytes > 0 ? { resourceLimits: limitsOf(memoryBytes) } : {}
    }), problem2;
    return worker.on("message", (value) => {
      let message = parseWorkerMessage(value);
      message && (message.type === "output" && Atomics.sub(inFlight, 0, message.text.length), events.message(message));
    }), this.#catchStray(worker, events), worker.on("error", (error) => {
      problem2 ??= problemOf(error, memoryBytes);
    }), worker.on("exit", (code) => {
      remove2().catch(() => {
      }).finally(() => events.exit(problem2 ?? { kind: "exit", code }));
    }), {
      send: (command) => worker.postMessage(command),
      terminate: () => {
        worker.terminate();
      }
    };
  }
  /** What goes past the worker's own capture, e.g. a pack that calls the prototype's `write`. */
  #catchStray(worker, events) {
    for (let stream of ["stdout", "stderr"])
      worker[stream].setEncoding("utf8").on("data", (text2) => events.message({ type: "output", stream, text: text2, at: Date.now() }));
  }
};
function limitsOf(memoryBytes) {
  let heap = Math.max(MIN_HEAP_MIB, Math.floor(memoryBytes / MIB)), young = Math.min(32, Math.max(2, Math.floor(heap / 8)));
  return { maxYoungGenerationSizeMb: young, maxOldGenerationSizeMb: heap - young };
}
function problemOf(error, memoryBytes) {
  return error?.code !== "ERR_WORKER_OUT_OF_MEMORY" ? { kind: "error", error } : { kind: "oom", message: `it ran into its memory limit${memoryBytes > 0 ? ` of ${Math.max(MIN_HEAP_MIB, Math.floor(memoryBytes / MIB))} MiB` : ""}` };
}

// node/guard.ts
import { fork } from "node:child_process";
var GUARD = "STARK_AGENT_GUARD";
function runGuard() {
  let pids = /* @__PURE__ */ new Set();
  process.on("message", (order) => {
    "add" in order ? pids.add(order.add) : pids.delete(order.remove);
  }), process.on("disconnect", () => {
    for (let pid of pids)
      try {
        process.kill(pid, "SIGKILL");
      } catch {
      }
    process.exit(0);
  }), process.send?.("ready");
  for (let signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {
  });
}
var Guard = class {
  #script;
  #pids = /* @__PURE__ */ new Set();
  #process;
  #ready;
  /** `script` is the agent's own. */
  constructor(script) {
    this.#script = script;
  }
  /** Resolves when the guard is on duty: before that no child should start. Rejects when it cannot be. */
  ready() {
    return this.#ready ??= this.#start(), this.#ready;
  }
  add(pid) {
    this.#pids.add(pid), this.#tell({ add: pid });
  }
  remove(pid) {
    this.#pids.delete(pid), this.#tell({ remove: pid });
  }
  #start() {
    let guard = fork(this.#script, [], { env: { [GUARD]: "1" }, execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    this.#process = guard;
    for (let pid of this.#pids) this.#tell({ add: pid });
    return guard.unref(), new Promise((resolve, reject) => {
      let lost = () => {
        this.#ready = void 0, reject(new Error("the process that guards the pods' processes ended"));
      };
      guard.on("exit", lost).on("error", lost), guard.once("message", () => {
        guard.channel?.unref(), resolve();
      });
    });
  }
  #tell(order) {
    this.#process?.connected && this.#process.send(order, () => {
    });
  }
};

// node/processes.ts
import { fork as fork2 } from "node:child_process";
import { mkdir as mkdir3, realpath, rm as rm3, writeFile as writeFile2 } from "node:fs/promises";
import { join as join4 } from "node:path";
var ProcessLauncher = class {
  #script;
  #scratch;
  #guard;
  /** `scratch` is a directory for the files of pods while they run. */
  constructor(script, scratch, guard) {
    this.#script = script, this.#scratch = scratch, this.#guard = guard;
  }
  async launch(spec, events) {
    let { identity, bundle: bundle2, memoryBytes } = spec, script = await this.#script();
    await this.#guard.ready();
    let dir = join4(await realpath(this.#scratch), `${identity.podId}-${identity.incarnation}`);
    await mkdir3(dir, { mode: 448 });
    let remove2 = () => rm3(dir, { recursive: !0, force: !0 });
    try {
      let input = { identity, file: join4(dir, "pack") };
      await writeFile2(input.file, bundle2, { mode: 384 });
      let child = fork2(script.path, [], {
        cwd: dir,
        env: identity.env,
        execArgv: [...permissions([script.path, ...script.beside, dir], dir), ...heapOf(memoryBytes)],
        stdio: ["ignore", "ignore", "ignore", "ipc"]
      });
      return child.send(input, () => {
      }), this.#watch(child, memoryBytes, events, remove2);
    } catch (error) {
      throw await remove2(), error;
    }
  }
  #watch(child, memoryBytes, events, remove2) {
    let { pid } = child;
    pid !== void 0 && this.#guard.add(pid);
    let terminated = !1, end, waits = 2, over = () => {
      --waits > 0 || (pid !== void 0 && this.#guard.remove(pid), remove2().catch(() => {
      }).finally(() => events.exit(end ?? { kind: "exit", code: 1 })));
    };
    return child.on("message", (value) => {
      let message = parseWorkerMessage(value);
      message && events.message(message);
    }), child.on("error", (error) => {
      pid === void 0 && (end ??= { kind: "error", error }, waits = 1, over());
    }), child.on("exit", (code, signal) => {
      end ??= terminated ? { kind: "exit", code: 1 } : endOf(code, signal, memoryBytes), over();
    }), child.on("disconnect", () => {
      child.kill("SIGKILL"), over();
    }), {
      send: (command) => {
        child.connected && child.send(command, () => {
        });
      },
      terminate() {
        terminated = !0, child.kill("SIGKILL");
      }
    };
  }
};
function endOf(code, signal, memoryBytes) {
  let limit = memoryBytes > 0 ? ` of ${Math.floor(memoryBytes / 1048576)} MiB` : "";
  return signal === "SIGABRT" || signal === "SIGTRAP" || signal === "SIGILL" ? { kind: "oom", message: `it ran into its memory limit${limit}, and V8 ended its process (${signal})` } : signal === "SIGKILL" ? { kind: "oom", message: "its process was killed, as systems do that have no memory left" } : { kind: "exit", code: code ?? 1 };
}
function permissions(readable, writable) {
  return [process.allowedNodeEnvironmentFlags.has("--permission") ? "--permission" : "--experimental-permission", "--no-warnings", ...readable.map((path) => `--allow-fs-read=${path}`), `--allow-fs-write=${writable}`];
}
function heapOf(memoryBytes) {
  if (memoryBytes <= 0) return [];
  let { maxOldGenerationSizeMb = 0, maxYoungGenerationSizeMb = 0 } = limitsOf(memoryBytes);
  return [
    `--max-old-space-size=${maxOldGenerationSizeMb}`,
    `--max-semi-space-size=${Math.max(1, Math.floor(maxYoungGenerationSizeMb / 3))}`
  ];
}

// node_modules/ws/wrapper.mjs
var import_stream = __toESM(require_stream(), 1), import_extension = __toESM(require_extension(), 1), import_permessage_deflate = __toESM(require_permessage_deflate(), 1), import_receiver = __toESM(require_receiver(), 1), import_sender = __toESM(require_sender(), 1), import_subprotocol = __toESM(require_subprotocol(), 1), import_websocket = __toESM(require_websocket(), 1), import_websocket_server = __toESM(require_websocket_server(), 1);

// node/socket.ts
var HANDSHAKE_MS2 = 1e4, CLOSE_MS = 2e3, openSocket = (url, events) => {
  let socket = new import_websocket.default(url, { perMessageDeflate: !1, maxPayload: MAX_FRAME_BYTES + 1024, handshakeTimeout: HANDSHAKE_MS2 }), problem2 = "", cutOff;
  return socket.on("open", () => events.open()), socket.on("message", (data, isBinary) => events.message(isBinary ? void 0 : textOf(data))), socket.on("error", (error) => {
    problem2 = error.message;
  }), socket.on("close", (code, reason) => {
    clearTimeout(cutOff), closed(events, code, reason.toString() || problem2);
  }), {
    send(text2) {
      socket.readyState === import_websocket.default.OPEN && socket.send(text2);
    },
    close(code, reason) {
      socket.close(code, reason), cutOff ??= setTimeout(() => socket.terminate(), CLOSE_MS);
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    }
  };
};
function closed(events, code, reason) {
  events.close(code, reason);
}
function textOf(data) {
  return Array.isArray(data) ? Buffer.concat(data).toString("utf8") : Buffer.isBuffer(data) ? data.toString("utf8") : Buffer.from(data).toString("utf8");
}

// node/storage.ts
import { mkdir as mkdir4, readdir as readdir2, readFile as readFile2, rm as rm4, stat as stat2 } from "node:fs/promises";
import { join as join5 } from "node:path";
var DiskStorage = class {
  #dir;
  constructor(dir) {
    this.#dir = dir;
  }
  async get(scope, key) {
    try {
      return await readFile2(this.#file(scope, key), "utf8");
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
  }
  async set(scope, key, value) {
    await mkdir4(this.#space(scope), { recursive: !0, mode: 448 }), await writeAtomically(this.#file(scope, key), value, 384);
  }
  async delete(scope, key) {
    await rm4(this.#file(scope, key), { force: !0 });
  }
  async entries(scope) {
    let space = this.#space(scope), names = await readdir2(space).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    }), entries = [];
    for (let name of names)
      /^([0-9a-f]{2})+$/.test(name) && entries.push({ key: Buffer.from(name, "hex").toString("utf8"), bytes: (await stat2(join5(space, name))).size });
    return entries;
  }
  // Hexadecimal, since file names may not tell upper from lower case, and since a name must not lead out of here.
  #space(scope) {
    return join5(this.#dir, Buffer.from(scope, "utf8").toString("hex"));
  }
  #file(scope, key) {
    return join5(this.#space(scope), Buffer.from(key, "utf8").toString("hex"));
  }
};

// node/main.ts
var workerSource = `var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from == "object" || typeof from == "function")
    for (let key of __getOwnPropNames(from))
      !__hasOwnProp.call(to, key) && key !== except && __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: !0 }), mod);

// node/worker/main.ts
var main_exports = {};
module.exports = __toCommonJS(main_exports);
var import_node_events = require("node:events"), import_node_util = require("node:util"), import_node_worker_threads = require("node:worker_threads");

// core/schema.ts
var SchemaError = class extends Error {
  name = "SchemaError";
};
function fail(path, what) {
  throw new SchemaError(\`\${path || "payload"} must be \${what}\`);
}
function string(options = {}) {
  let { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      return typeof value != "string" && fail(path, "a string"), value.length < min && fail(path, \`at least \${min} characters long\`), value.length > max && fail(path, \`at most \${max} characters long\`), value;
    }
  };
}
function matching(pattern, what) {
  return {
    parse(value, path) {
      return (typeof value != "string" || !pattern.test(value)) && fail(path, what), value;
    }
  };
}
function integer(options = {}) {
  let { min = Number.MIN_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      return (typeof value != "number" || !Number.isSafeInteger(value)) && fail(path, "an integer"), value < min && fail(path, \`at least \${min}\`), value;
    }
  };
}
var boolean = {
  parse(value, path) {
    return typeof value != "boolean" && fail(path, "true or false"), value;
  }
};
function oneOf(...allowed) {
  return {
    parse(value, path) {
      return allowed.includes(value) || fail(path, \`one of \${allowed.join(", ")}\`), value;
    }
  };
}
var json = {
  parse: (value) => value
}, optionalJson = { ...json, optional: !0 };
function array(item, options = {}) {
  let { max = Number.MAX_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      return Array.isArray(value) || fail(path, "an array"), value.length > max && fail(path, \`at most \${max} long\`), value.map((entry, index) => item.parse(entry, \`\${path}[\${index}]\`));
    }
  };
}
function record(item) {
  return {
    parse(value, path) {
      return isObject(value) || fail(path, "an object"), Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, item.parse(entry, \`\${path}.\${key}\`)]));
    }
  };
}
function object(fields) {
  return {
    parse(value, path) {
      isObject(value) || fail(path, "an object");
      let out = {};
      for (let [key, field] of Object.entries(fields)) {
        let parsed = field.parse(Object.hasOwn(value, key) ? value[key] : void 0, path ? \`\${path}.\${key}\` : key);
        parsed !== void 0 && (out[key] = parsed);
      }
      return out;
    }
  };
}
function optional(inner) {
  return {
    optional: !0,
    parse: (value, path) => value == null ? void 0 : inner.parse(value, path)
  };
}
function isObject(value) {
  return typeof value == "object" && value !== null && !Array.isArray(value);
}

// core/pack/messages.ts
function parseWorkerCommand(value) {
  if (!isObject(value)) return;
  let { type, reason, id, answer } = value;
  if (type === "stop" && typeof reason == "string") return { type, reason };
  if (type === "health") return { type };
  if (type === "storage" && typeof id == "number" && isObject(answer)) return { type, id, answer };
}

// core/text.ts
function utf8Length(text) {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    let unit = text.charCodeAt(i);
    unit < 128 || (unit < 2048 ? bytes += 1 : isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1)) ? (bytes += 2, i++) : bytes += 2);
  }
  return bytes;
}
function truncateUtf8(text, maxBytes) {
  return text.length * 3 <= maxBytes || utf8Length(text) <= maxBytes ? text : headUtf8(text, maxBytes - 3) + "…";
}
function headUtf8(text, maxBytes) {
  let bytes = 0, end = 0;
  for (; end < text.length; ) {
    let point = text.codePointAt(end) ?? 0, size = point < 128 ? 1 : point < 2048 ? 2 : point < 65536 ? 3 : 4;
    if (bytes + size > maxBytes) break;
    bytes += size, end += size === 4 ? 2 : 1;
  }
  return text.slice(0, end);
}
var UNSTORABLE = new RegExp("\\\\u0000|\\\\p{Surrogate}", "gu");
function storable(text) {
  return text.replace(UNSTORABLE, "�");
}
function isHighSurrogate(unit) {
  return unit >= 55296 && unit <= 56319;
}
function isLowSurrogate(unit) {
  return unit >= 56320 && unit <= 57343;
}

// core/errors.ts
var MAX_CAUSES = 5;
function messageOf(thrown) {
  return thrown instanceof Error ? thrown.message || thrown.name : toText(thrown);
}
function stackOf(thrown, maxBytes) {
  let parts = [oneStack(thrown)], cause = causeOf(thrown);
  for (let depth = 0; cause !== void 0 && depth < MAX_CAUSES; depth++)
    parts.push(\`Caused by: \${oneStack(cause)}\`), cause = causeOf(cause);
  return truncateUtf8(storable(parts.join(\`
\`)), maxBytes);
}
function oneStack(thrown) {
  if (typeof thrown != "object" || thrown === null) return toText(thrown);
  let { name, message, stack } = thrown, head = typeof message == "string" ? typeof name == "string" ? \`\${name}: \${message}\` : message : void 0;
  return typeof stack != "string" || stack === "" ? head ?? toText(thrown) : head === void 0 || stack.includes(String(message)) ? stack : \`\${head}
\${stack}\`;
}
function causeOf(thrown) {
  return typeof thrown == "object" && thrown !== null ? thrown.cause : void 0;
}
function toText(value) {
  if (typeof value == "object" && value !== null)
    try {
      return JSON.stringify(value) ?? Object.prototype.toString.call(value);
    } catch {
      return Object.prototype.toString.call(value);
    }
  return String(value);
}

// core/protocol.ts
var MAX_FRAME_BYTES = 1 << 20, MAX_LOG_LINES = 500, MAX_LOG_LINE_BYTES = 16 * 1024, MAX_MESSAGE_BYTES = 4 * 1024;
var uuid = matching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, "a UUID"), dnsLabel = matching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a DNS label"), RFC3339 = /^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$/, timestamp = matching(RFC3339, "an RFC 3339 time"), sha256 = matching(/^[0-9a-f]{64}$/, "a hex SHA-256"), incarnation = integer({ min: 1 }), count = integer({ min: 0 }), runtime = oneOf("node", "browser"), status = oneOf("starting", "running", "stopping", "stopped", "failed"), bundle = object({ bucket: string({ min: 1 }), path: string({ min: 1 }), sha256, size: integer({ min: 1 }) }), pack = object({
  id: uuid,
  name: string({ min: 1 }),
  version: string({ min: 1 }),
  runtimeTag: oneOf("node", "browser", "universal"),
  bundle
}), problem = object({ code: string(), message: string() }), agentPayloads = {
  "auth:authenticate": object({
    token: string({ min: 1 }),
    protocol: integer({ min: 1 }),
    agent: optional(object({ name: string(), version: string() }))
  }),
  "node:register": object({
    name: dnsLabel,
    runtimeType: runtime,
    runtimeVersion: string(),
    agentVersion: string(),
    bootId: uuid,
    labels: optional(record(string())),
    annotations: optional(record(string())),
    taints: optional(
      array(object({ key: string({ min: 1 }), value: optional(string()), effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute") }))
    ),
    capabilities: optional(record(json)),
    resources: object({ cpu: string({ min: 1 }), memory: string({ min: 1 }), pods: count }),
    pods: array(object({ podId: uuid, incarnation, status }))
  }),
  "node:heartbeat": object({ pods: count, usage: optional(object({ cpuMillis: count, memoryBytes: count })) }),
  "node:disconnect": object({ reason: optional(string()) }),
  "pod:status": object({
    podId: uuid,
    incarnation,
    status,
    reason: optional(string({ max: 64 })),
    message: optional(string()),
    result: optionalJson,
    at: timestamp
  }),
  "pod:logs": object({
    podId: uuid,
    incarnation,
    lines: array(object({ at: timestamp, stream: oneOf("stdout", "stderr", "system"), text: string() }), { max: MAX_LOG_LINES }),
    dropped: optional(count)
  }),
  error: problem
}, serverPayloads = {
  "auth:authenticated": object({ userId: uuid, role: string(), expiresAt: timestamp, protocol: integer({ min: 1 }) }),
  "node:registered": object({
    nodeId: uuid,
    name: string(),
    access: oneOf("shared", "private"),
    heartbeatIntervalMs: integer({ min: 100 }),
    leaseMs: optional(integer({ min: 1 })),
    supabase: object({ url: string(), anonKey: string() })
  }),
  "node:heartbeat:ack": object({ leaseMs: optional(integer({ min: 1 })) }),
  "pod:assign": object({
    podId: uuid,
    incarnation,
    name: string({ min: 1 }),
    namespace: string({ min: 1 }),
    pack,
    env: record(string()),
    args: array(json),
    metadata: record(json),
    resources: object({ cpuMillis: count, memoryBytes: count }),
    gracePeriodMs: count
  }),
  "pod:stop": object({ podId: uuid, incarnation, reason: string({ min: 1, max: 64 }), gracePeriodMs: count }),
  "pod:status:ack": object({
    podId: uuid,
    incarnation,
    status,
    accepted: boolean,
    code: optional(string()),
    message: optional(string())
  }),
  error: problem
};

// core/result.ts
var MAX_RESULT_BYTES = 64 * 1024, MAX_RESULT_DEPTH = 256;
function encodeResult(value) {
  let json2;
  try {
    json2 = JSON.stringify(value);
  } catch (error) {
    return { note: \`the result was left out: it is not JSON (\${messageOf(error)})\` };
  }
  if (json2 === void 0) return {};
  let bytes = utf8Length(json2);
  return bytes > MAX_RESULT_BYTES ? { note: \`the result was left out: it has \${bytes} bytes of JSON, at most \${MAX_RESULT_BYTES} are kept\` } : depthOf(json2) > MAX_RESULT_DEPTH ? { note: \`the result was left out: it is nested deeper than \${MAX_RESULT_DEPTH} levels\` } : { json: /\\\\u(0000|d[89a-f])/i.test(json2) ? JSON.stringify(storableJson(JSON.parse(json2))) : json2 };
}
function depthOf(json2) {
  let depth = 0, deepest = 0, inString = !1;
  for (let i = 0; i < json2.length; i++) {
    let c = json2[i];
    inString ? c === "\\\\" ? i++ : c === '"' && (inString = !1) : c === '"' ? inString = !0 : c === "[" || c === "{" ? deepest = Math.max(deepest, ++depth) : (c === "]" || c === "}") && depth--;
  }
  return deepest;
}
function storableJson(value) {
  return typeof value == "string" ? storable(value) : Array.isArray(value) ? value.map(storableJson) : typeof value == "object" && value !== null ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storableJson(inner)])) : value;
}

// core/pack/contract.ts
function entryOf(loaded) {
  for (let candidate of candidates(loaded)) {
    let entry = asEntry(candidate);
    if (entry) return entry;
  }
}
function candidates(loaded) {
  if (loaded.kind === "esm") {
    let first = loaded.namespace.default;
    return [first, defaultOf(first)];
  }
  let fallback = defaultOf(loaded.exports);
  return isEsModuleInterop(loaded.exports) ? [fallback, defaultOf(fallback)] : [loaded.exports, fallback];
}
function asEntry(candidate) {
  if (typeof candidate == "function") return { start: (context) => candidate(context) };
  if (typeof candidate != "object" || candidate === null) return;
  let { start, stop, health } = candidate;
  if (typeof start != "function") return;
  let entry = { start: (context) => start.call(candidate, context) };
  return typeof stop == "function" && (entry.stop = () => stop.call(candidate)), typeof health == "function" && (entry.health = () => health.call(candidate)), entry;
}
function defaultOf(value) {
  return typeof value == "object" && value !== null || typeof value == "function" ? value.default : void 0;
}
function isEsModuleInterop(value) {
  return typeof value == "object" && value !== null && value.__esModule === !0;
}

// core/pack/sourcemap.ts
var COMMENT = /\\/\\/[#@] sourceMappingURL=data:application\\/json;(?:charset=utf-8;)?base64,([A-Za-z0-9+/=]+)\\s*$/, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
function mapStack(stack, bundle2) {
  if (stack.search(bundle2.places) < 0) return stack;
  try {
    let map = readMap(bundle2);
    return map ? stack.replace(bundle2.places, (place, line, column) => placeIn(map, bundle2, Number(line), Number(column)) ?? place) : stack;
  } catch {
    return stack;
  }
}
function placeIn({ sources, lines }, bundle2, line, column) {
  let at = column - 1 - (line === 1 ? bundle2.firstLineOffset : 0), mapping = lines[line - 1]?.filter((one) => one.column <= at).at(-1), source = sources[mapping?.source ?? -1];
  return mapping === void 0 || source === void 0 ? void 0 : \`\${source}:\${mapping.line + 1}:\${mapping.sourceColumn + 1}\`;
}
function readMap(bundle2) {
  let text = bundle2.text(), encoded = COMMENT.exec(text.slice(text.lastIndexOf(\`
//\`) + 1))?.[1];
  if (encoded === void 0) return;
  let map = JSON.parse(bundle2.decodeBase64(encoded));
  if (!isObject(map) || !Array.isArray(map.sources) || typeof map.mappings != "string") return;
  let root = typeof map.sourceRoot == "string" && map.sourceRoot !== "" ? \`\${map.sourceRoot.replace(/\\/$/, "")}/\` : "";
  return { sources: map.sources.map((source) => root + String(source)), lines: decodeMappings(map.mappings) };
}
function decodeMappings(text) {
  let [source, line, sourceColumn] = [0, 0, 0];
  return text.split(";").map((group) => {
    let column = 0, mappings = [];
    for (let segment of group === "" ? [] : group.split(",")) {
      let [columns = 0, sources, lines = 0, sourceColumns = 0] = decodeVlq(segment);
      column += columns, sources !== void 0 && (source += sources, line += lines, sourceColumn += sourceColumns, mappings.push({ column, source, line, sourceColumn }));
    }
    return mappings;
  });
}
function decodeVlq(segment) {
  let numbers = [], [value, shift] = [0, 0];
  for (let char of segment) {
    let digit = DIGITS.indexOf(char);
    if (digit < 0) throw new Error(\`a source map with the digit \${JSON.stringify(char)}\`);
    value += (digit & 31) << shift, shift += 5, !(digit & 32) && (numbers.push(value & 1 ? -(value >> 1) : value >> 1), [value, shift] = [0, 0]);
  }
  return numbers;
}

// core/pack/storage.ts
var StorageClient = class {
  #post;
  #waiting = /* @__PURE__ */ new Map();
  #asked = 0;
  constructor(post) {
    this.#post = post;
  }
  /** What the pack is given. */
  face = {
    get: async (key) => {
      let { json: json2 } = await this.#ask({ op: "get", key: keyOf(key) });
      return json2 === void 0 ? void 0 : JSON.parse(json2);
    },
    set: async (key, value) => {
      let json2 = JSON.stringify(value);
      if (json2 === void 0) throw new TypeError("storage keeps JSON: a function, a symbol and undefined are none");
      await this.#ask({ op: "set", key: keyOf(key), json: json2 });
    },
    delete: async (key) => (await this.#ask({ op: "delete", key: keyOf(key) })).existed ?? !1,
    list: async (prefix = "") => {
      if (typeof prefix != "string") throw new TypeError("a prefix is a string");
      return (await this.#ask({ op: "list", prefix })).keys ?? [];
    }
  };
  answered(id, answer) {
    let waiting = this.#waiting.get(id);
    this.#waiting.delete(id), answer.error === void 0 ? waiting?.resolve(answer) : waiting?.reject(new Error(answer.error));
  }
  #ask(request) {
    return new Promise((resolve, reject) => {
      let id = ++this.#asked;
      this.#waiting.set(id, { resolve, reject }), this.#post({ type: "storage", id, request });
    });
  }
};
function keyOf(key) {
  if (typeof key != "string" || key === "") throw new TypeError("a key is a string that is not empty");
  return key;
}

// core/pack/runner.ts
var NO_ENTRY = "the bundle has no default export that can be run: export default a function (context) => …, or an object with start(context)", PackRunner = class {
  #realm;
  #identity;
  #storage;
  #shutdownHandlers = [];
  #health;
  #signalTaken = !1;
  #stopping = !1;
  #ended = !1;
  /** The entry's promise, once called; settles and never rejects. */
  #returned;
  /** What the entry returned after it was told to stop. */
  #lateResult = {};
  #handlerFailure;
  constructor(realm, identity) {
    this.#realm = realm, this.#identity = identity, this.#storage = new StorageClient((message) => realm.post(message));
  }
  /** Whether the pack's entry has been called. */
  get called() {
    return this.#returned !== void 0;
  }
  /** Does what the agent says. */
  command(command) {
    switch (command.type) {
      case "stop":
        this.stop(command.reason);
        break;
      case "health":
        this.#answerHealth();
        break;
      case "storage":
        this.#storage.answered(command.id, command.answer);
    }
  }
  /** Something in the worker failed that nobody catches: that is the pack's end. */
  uncaught(error) {
    this.#end({ type: "failed", reason: this.called ? "crashed" : "import_error", message: this.#describe(error) });
  }
  /** The pack ended its worker itself. */
  closed() {
    this.called ? this.#end(doneWith(void 0, "it closed its worker")) : this.#end({ type: "failed", reason: "import_error", message: "it closed its worker while it was loaded" });
  }
  /** Loads and calls the pack; resolves when the entry's promise has settled. Never rejects. */
  async run() {
    let entry;
    try {
      entry = entryOf(await this.#realm.load());
    } catch (error) {
      this.#end({ type: "failed", reason: "import_error", message: this.#describe(error) });
      return;
    }
    if (this.#ended || this.#stopping) return;
    if (!entry) {
      this.#end({ type: "failed", reason: "import_error", message: NO_ENTRY });
      return;
    }
    entry.stop && this.#shutdownHandlers.push(entry.stop), this.#health = entry.health, this.#realm.post(entry.health ? { type: "running", health: !0 } : { type: "running" });
    let { start } = entry, keepsRunning = entry.stop !== void 0;
    this.#returned = (async () => start(this.#context()))().then((value) => this.#settled(value, keepsRunning)).catch((error) => this.#rejected(error)), await this.#returned;
  }
  /**
   * Tells the pack to stop and reports when it has: after its shutdown handlers, and, if it took the signal, after its
   * promise has settled. Whoever calls this ends the worker when the grace period is over. Never rejects.
   */
  async stop(reason) {
    this.#stopping || this.#ended || (this.#stopping = !0, this.#realm.abort(reason), await this.#runShutdownHandlers(), this.#signalTaken && (await this.#returned, await this.#runShutdownHandlers()), this.#end(doneWith(this.#lateResult.json, this.#handlerFailure ?? this.#lateResult.note)));
  }
  async #answerHealth() {
    let problem2;
    try {
      await this.#health?.() === !1 && (problem2 = "health() gave false");
    } catch (error) {
      problem2 = this.#describe(error, MAX_MESSAGE_BYTES / 2);
    }
    this.#realm.post(problem2 === void 0 ? { type: "health" } : { type: "health", problem: problem2 });
  }
  #progress(fraction, text) {
    if (typeof fraction != "number" || !(fraction >= 0 && fraction <= 1)) throw new TypeError("progress takes a number from 0 to 1");
    if (text !== void 0 && typeof text != "string") throw new TypeError("what progress says is a string");
    this.#realm.post({ type: "progress", fraction, ...text === void 0 ? {} : { text } });
  }
  async #runShutdownHandlers() {
    for (let handler = this.#shutdownHandlers.pop(); handler; handler = this.#shutdownHandlers.pop())
      try {
        await handler();
      } catch (error) {
        this.#handlerFailure ??= \`a shutdown handler failed: \${this.#describe(error, MAX_MESSAGE_BYTES / 2)}\`, this.#realm.log.error("a shutdown handler failed:", error);
      }
  }
  #settled(value, keepsRunning) {
    let stop = stopOf(value);
    if (stop) {
      this.#shutdownHandlers.push(stop);
      return;
    }
    let result = encodeResult(value);
    if (this.#stopping) {
      this.#lateResult = result;
      return;
    }
    keepsRunning || this.#end(doneWith(result.json, result.note));
  }
  #rejected(error) {
    this.#stopping || this.#end({ type: "failed", reason: "crashed", message: this.#describe(error) });
  }
  /** An error's stack, in terms of the sources where they are known. */
  #describe(error, maxBytes = MAX_MESSAGE_BYTES) {
    let stack = stackOf(error, maxBytes);
    return this.#realm.bundle ? truncateUtf8(mapStack(stack, this.#realm.bundle), maxBytes) : stack;
  }
  #end(message) {
    this.#ended || (this.#ended = !0, this.#realm.post(message));
  }
  #context() {
    let takeSignal = () => (this.#signalTaken = !0, this.#realm.signal);
    return {
      ...this.#identity,
      get signal() {
        return takeSignal();
      },
      onShutdown: (handler) => {
        if (typeof handler != "function") throw new TypeError("onShutdown takes a function");
        this.#shutdownHandlers.push(handler);
      },
      log: this.#realm.log,
      fetch: this.#realm.fetch,
      storage: this.#storage.face,
      progress: (fraction, text) => this.#progress(fraction, text)
    };
  }
};
function doneWith(result, message) {
  return { type: "done", ...result === void 0 ? {} : { result }, ...message === void 0 ? {} : { message } };
}
function stopOf(value) {
  if (typeof value != "object" || value === null) return;
  let { stop } = value;
  return typeof stop == "function" ? () => stop.call(value) : void 0;
}

// node/worker/load.ts
var import_node_fs = require("node:fs"), import_promises = require("node:fs/promises"), import_node_module = require("node:module"), import_node_url = require("node:url"), import_node_vm = require("node:vm");
function isCommonJs(source) {
  try {
    return (0, import_node_vm.compileFunction)(source.replace(/^#!.*/, ""), ["exports", "require", "module", "__filename", "__dirname"]), !0;
  } catch {
    return !1;
  }
}
function sourceOf(file) {
  return {
    text: () => (0, import_node_fs.readFileSync)([\`\${file}.mjs\`, \`\${file}.cjs\`].find((named) => (0, import_node_fs.existsSync)(named)) ?? file, "utf8"),
    decodeBase64: (text) => Buffer.from(text, "base64").toString("utf8"),
    places: /(?:file:\\/\\/)?[^\\s()]*\\/pack\\.[mc]js:(\\d+):(\\d+)/g,
    firstLineOffset: 0
  };
}
async function load(file) {
  let commonJs = isCommonJs(await (0, import_promises.readFile)(file, "utf8")), named = \`\${file}.\${commonJs ? "cjs" : "mjs"}\`;
  return await (0, import_promises.rename)(file, named), commonJs ? { kind: "commonjs", exports: (0, import_node_module.createRequire)(named)(named) } : { kind: "esm", namespace: await import((0, import_node_url.pathToFileURL)(named).href) };
}

// node/worker/output.ts
var import_node_string_decoder = require("node:string_decoder");

// core/pack/output.ts
var TextOutput = class {
  #stream;
  #inFlight;
  #post;
  #dropped = 0;
  /** The last text that was let through ended within a line. */
  #open = !1;
  constructor(stream, inFlight, post) {
    this.#stream = stream, this.#inFlight = inFlight, this.#post = post;
  }
  write(text) {
    let room = Math.max(0, 4194304 - this.#inFlight.count()), kept = text.length > room ? text.slice(0, text.lastIndexOf(\`
\`, room - 1) + 1) : text;
    kept !== "" && this.#send(kept), this.#dropped += linesOf(text.slice(kept.length));
  }
  /** Says how much was dropped, even if nothing follows it. */
  flush() {
    this.#dropped > 0 && this.#send("");
  }
  #send(text) {
    let message = { type: "output", stream: this.#stream, text, at: Date.now() };
    this.#dropped > 0 && (message.dropped = this.#dropped, this.#open && (message.text = \`
\${text}\`)), this.#dropped = 0, this.#open = text === "" ? !1 : !text.endsWith(\`
\`), this.#inFlight.add(message.text.length), this.#post(message);
  }
};
function linesOf(text) {
  if (text === "") return 0;
  let lines = text.endsWith(\`
\`) ? 0 : 1;
  for (let at = text.indexOf(\`
\`); at >= 0; at = text.indexOf(\`
\`, at + 1)) lines++;
  return lines;
}

// node/worker/output.ts
var Output = class {
  #decoder = new import_node_string_decoder.StringDecoder("utf8");
  #text;
  /** \`inFlight\` is shared with the agent, which takes off what it has taken. */
  constructor(stream, inFlight, post) {
    this.#text = new TextOutput(stream, sharedCount(inFlight), post);
  }
  write(chunk) {
    this.#text.write(
      typeof chunk == "string" ? chunk : this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    );
  }
  flush() {
    this.#text.flush();
  }
};
function sharedCount(cell) {
  return { count: () => Atomics.load(cell, 0), add: (characters) => {
    Atomics.add(cell, 0, characters);
  } };
}
function redirect(stream, output) {
  let write = (chunk, encoding, callback) => {
    if (typeof chunk != "string" && !(chunk instanceof Uint8Array))
      throw new TypeError("a chunk must be a string, a Buffer or a Uint8Array");
    output.write(typeof chunk == "string" && isByteEncoding(encoding) ? Buffer.from(chunk, encoding) : chunk);
    let done = typeof encoding == "function" ? encoding : callback;
    return typeof done == "function" && process.nextTick(done), !0;
  };
  stream.write = write;
}
function isByteEncoding(encoding) {
  return encoding === "hex" || encoding === "base64" || encoding === "base64url";
}

// node/worker/main.ts
function inThread(port) {
  let post = port.postMessage.bind(port);
  run(import_node_worker_threads.workerData, { post, listen: (listener) => port.on("message", listener) });
}
function inProcess(send) {
  let inFlight = new Int32Array(1), post = (message) => {
    let taken = message.type === "output" ? message.text.length : 0;
    send.call(process, message, () => {
      Atomics.sub(inFlight, 0, taken);
    });
  };
  process.once(
    "message",
    (input) => run({ ...input, inFlight }, { post, listen: (listener) => process.on("message", listener) })
  );
}
function run({ identity, file, inFlight }, port) {
  let { post } = port, stdout = new Output("stdout", inFlight, post), stderr = new Output("stderr", inFlight, post);
  redirect(process.stdout, stdout), redirect(process.stderr, stderr);
  let controller = new AbortController();
  (0, import_node_events.setMaxListeners)(0, controller.signal);
  let runner = new PackRunner(
    {
      load: () => load(file),
      post(message) {
        stdout.flush(), stderr.flush(), post(message);
      },
      signal: controller.signal,
      abort: (reason) => controller.abort(new DOMException(\`the pod is to stop: \${reason}\`, "AbortError")),
      fetch: globalThis.fetch,
      log: logTo(stdout, stderr),
      bundle: sourceOf(file)
    },
    identity
  );
  port.listen((value) => {
    let command = parseWorkerCommand(value);
    command && runner.command(command);
  }), process.on("uncaughtException", (error) => {
    process.listenerCount("uncaughtException") === 1 && runner.uncaught(error);
  }), runner.run();
}
function logTo(stdout, stderr) {
  let to = (output) => (...args) => output.write(\`\${(0, import_node_util.format)(...args)}
\`);
  return { debug: to(stdout), info: to(stdout), warn: to(stderr), error: to(stderr) };
}
import_node_worker_threads.parentPort ? inThread(import_node_worker_threads.parentPort) : process.send && inProcess(process.send);
`, EXIT_REFUSED = 1, EXIT_SETTINGS = 2, EXIT_FAILED = 70, ORPHAN_GRACE_MS = 2e3;
async function main() {
  let config = configFrom(process.env, { hostname: hostname(), userHome: homedir(), resources: detectedResources() }), credentials = new CredentialsFile(config.credentials);
  await credentials.load().catch((error) => {
    throw new ConfigError(`STARK_CREDENTIALS: ${messageOf(error)}`);
  });
  let scratch = await scratchDirectory(join6(config.home, "run")).catch((error) => {
    throw new ConfigError(`STARK_AGENT_HOME: ${config.home} cannot be used: ${messageOf(error)}`);
  }), log = createLogger(config.logFormat, config.logLevel, say), agent = new Agent(
    {
      clock: nodeClock,
      random: nodeRandom,
      log,
      openSocket,
      http: httpFetch,
      sha256: sha2562,
      cache: new DiskCache(join6(config.home, "cache")),
      credentials,
      workers: config.isolation === "process" ? processes(scratch) : new ThreadLauncher(workerScript(), scratch),
      storage: new DiskStorage(join6(config.home, "storage")),
      host: nodeHost()
    },
    registrationOf(config)
  );
  leaveOnSignals(agent), config.endsWithStdin && leaveWithStdin(agent), log.info("starting", { node: config.name, server: config.url, version: AGENT_VERSION, runtime: process.version }), agent.start();
  let end = await agent.ended;
  rmSync(scratch, { recursive: !0, force: !0 }), end.kind === "goodbye" ? log.info("ended", { why: end.message }) : log.error(`ended: ${end.message}`), exit(end.kind === "goodbye" ? 0 : EXIT_REFUSED, agent);
}
function registrationOf({ url, name, labels, taints, resources, isolation }) {
  return { url, name, bootId: randomUUID2(), labels, taints, resources, capabilities: capabilities(isolation) };
}
function processes(scratch) {
  let self2 = realpathSync(fileURLToPath(import.meta.url)), script, place = async () => {
    if (workerSource === void 0)
      return { path: join6(dirname2(self2), "worker", "main.js"), beside: [dirname2(dirname2(dirname2(self2)))] };
    let path = join6(realpathSync(scratch), "worker.cjs");
    return await writeFile3(path, workerSource, { mode: 384 }), { path, beside: [] };
  };
  return new ProcessLauncher(() => script ??= place(), scratch, new Guard(self2));
}
function workerScript() {
  return workerSource === void 0 ? { url: new URL("./worker/main.js", import.meta.url) } : { source: workerSource };
}
function leaveOnSignals(agent) {
  let asked = !1;
  for (let signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => {
      asked && process.kill(process.pid, "SIGKILL"), asked = !0, agent.shutdown(signal);
    });
}
function leaveWithStdin(agent) {
  let orphaned = () => agent.shutdown("its parent process is gone", ORPHAN_GRACE_MS);
  process.stdin.on("end", orphaned).on("close", orphaned).on("error", orphaned).resume();
}
function exit(code, agent) {
  agent.podCount > 0 && process.kill(process.pid, "SIGKILL"), process.exit(code);
}
function say(line) {
  try {
    writeSync(2, line);
  } catch {
  }
}
function failed(error) {
  let settings = error instanceof ConfigError;
  say(`stark agent: ${settings ? error.message : `failed: ${error instanceof Error ? error.stack : String(error)}`}
`), process.exit(settings ? EXIT_SETTINGS : EXIT_FAILED);
}
process.on("uncaughtException", failed).on("unhandledRejection", failed);
process.env[GUARD] === void 0 ? main().catch(failed) : runGuard();
