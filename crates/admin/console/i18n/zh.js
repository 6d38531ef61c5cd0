// 中文文案。键与 `en.js` 相同，由测试比对。

export default {
  // The shell.
  'again': '重试',
  'app.none': '尚无应用，请先创建：',
  'app.pick': '应用',
  'cancel': '取消',
  'code.more': '关于 {code}',
  'code.none': '无应答',
  'copied': '已复制',
  'copy': '复制',
  'group.app': '当前应用',
  'group.develop': '开发',
  'group.server': '服务',
  'json.wrong': '第 {line} 行不是合法 JSON：{message}',
  'loading': '加载中…',
  'login.enter': '登录',
  'login.title': '登录控制台',
  'login.token': '管理令牌',
  'login.where': '令牌位于数据目录中；也可另行创建，或生成一次性登录链接：',
  'menu': '菜单',
  'page.apps': '应用管理',
  'page.audit': '审计日志',
  'page.backup': '备份',
  'page.calls': '实时调用',
  'page.connect': '接入',
  'page.explorer': 'API 调试',
  'page.faults': '故障、时间与数据',
  'page.fields': '资料字段',
  'page.inbox': '回调收件箱',
  'page.keys': '密钥与管理员',
  'page.none': '此处没有该页面。',
  'page.overview': '概览',
  'page.settings': '设置',
  'page.tokens': '令牌',
  'page.transfer': '导入与导出',
  'page.users': '用户',
  'page.usersig': 'UserSig',
  'page.webhook': '回调',
  'page.words': '敏感词',
  'path.dots': '浏览器无法请求名为“{text}”的资源，请改用命令行。',
  'secret.stored': '已妥善保存',
  'sign.out': '退出',
  'skip': '跳到内容',
  'theme': '浅色或深色',
  'top.clock': '时钟已调整',
  'top.faults': '{n} 条故障规则生效中',
  'type.label': '输入 {text} 以确认',
  'unreachable': '无法连接服务，请确认其正在运行。',

  // API explorer.

  // Live calls.

  // UserSig.

  // Webhook inbox.

  // Faults, time and data.

  // Connect.

  // Users.

  // Fields.

  // Sensitive words.

  // Keys and admins.

  // Settings.

  // Webhook.

  // Import and export.

  // Overview.

  // Apps.

  // Tokens.

  // Audit log.

  // Backup.
};
